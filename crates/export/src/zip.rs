//! Archives of files as they are, which NumPy reads.

/// An archive in which nothing is compressed and nothing has a date.
pub(crate) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut whole, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in files {
        let begin = whole.len() as u32;
        let facts = facts(name, contents);
        whole.extend(b"PK\x03\x04");
        whole.extend(&facts);
        whole.extend(name.as_bytes());
        whole.extend(contents);
        directory.extend(b"PK\x01\x02");
        directory.extend(VERSION.to_le_bytes());
        directory.extend(&facts);
        // No comment, the first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(begin.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (begin, size) = (whole.len() as u32, directory.len() as u32);
    let count = (files.len() as u16).to_le_bytes();
    whole.extend(directory);
    whole.extend(b"PK\x05\x06");
    whole.extend([0; 4]);
    whole.extend(count);
    whole.extend(count);
    whole.extend(size.to_le_bytes());
    whole.extend(begin.to_le_bytes());
    whole.extend([0; 2]);
    whole
}

/// 2.0 of the format.
const VERSION: u16 = 20;

/// What stands before a file and in the directory alike.
fn facts(name: &str, contents: &[u8]) -> Vec<u8> {
    let (size, mut facts) = (contents.len() as u32, Vec::new());
    facts.extend(VERSION.to_le_bytes());
    // No flags, no compression, midnight.
    facts.extend([0; 6]);
    // The first of January 1980, which the format begins with.
    facts.extend(0x21_u16.to_le_bytes());
    facts.extend(crc_32(contents).to_le_bytes());
    facts.extend(size.to_le_bytes());
    facts.extend(size.to_le_bytes());
    facts.extend((name.len() as u16).to_le_bytes());
    facts.extend([0; 2]);
    facts
}

/// The CRC-32 of ISO 3309, reflected.
fn crc_32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        let low = (sum ^ u32::from(*byte)) & 0xff;
        let mixed = (0..8).fold(low, |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        });
        (sum >> 8) ^ mixed
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::crc_32;

    /// The check value of the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc_32(b"123456789"), 0xcbf4_3926);
    }
}
