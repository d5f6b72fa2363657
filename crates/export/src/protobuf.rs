//! Protocol buffers, as far as files of other programs need them: what a message is
//! written with, field by field.

/// A message that is being written.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// A whole number.
    #[must_use]
    pub fn number(mut self, field: u64, number: u64) -> Self {
        self.key(field, 0);
        self.varint(number);
        self
    }

    /// Eight bytes of a real number.
    #[must_use]
    pub fn double(mut self, field: u64, number: f64) -> Self {
        self.key(field, 1);
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Four bytes of a real number.
    #[must_use]
    pub fn float(mut self, field: u64, number: f32) -> Self {
        self.key(field, 5);
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Text, or bytes of any kind.
    #[must_use]
    pub fn bytes(mut self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// A message.
    #[must_use]
    pub fn message(self, field: u64, message: Message) -> Self {
        self.bytes(field, message.0)
    }

    /// Several.
    #[must_use]
    pub fn messages(self, field: u64, messages: impl IntoIterator<Item = Message>) -> Self {
        let add = |whole: Self, message| whole.message(field, message);
        messages.into_iter().fold(self, add)
    }

    /// Its bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// A field's number and how it is written: 0 a variable length, 1 eight bytes, 2 as
    /// many bytes as are said, 5 four bytes.
    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}
