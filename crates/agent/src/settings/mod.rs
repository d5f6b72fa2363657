//! From a TOML value to a typed configuration, with errors that say which key
//! is at fault, what it is, what is allowed and what was probably meant.
//!
//! serde hands an error what it needs for that (the unknown key and the known
//! ones, the value and what was expected), but an error type of its own has to
//! keep it; the one of the `toml` crate makes it a sentence right away.

mod place;

use rl_core::{SettingError, suggestion};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, MapAccess};
use serde::de::{IntoDeserializer, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt::{self, Display};
use toml::Value;

/// Reads a value that stands at `place`, a dotted key.
///
/// # Errors
/// Names the first key that is unknown, missing or of the wrong type.
pub fn read<T: DeserializeOwned>(place: &str, value: &Value) -> Result<T, String> {
    match T::deserialize(Node(value)) {
        Ok(read) => match place::list_for_table::<T>(value) {
            None => Ok(read),
            Some(fault) => Err(fault.explain(place, value)),
        },
        Err(mut fault) => {
            place::complete::<T>(&mut fault, value);
            Err(fault.explain(place, value))
        }
    }
}

/// What is wrong, and below which key.
#[derive(Debug, PartialEq)]
struct Fault {
    path: Vec<String>,
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    Missing {
        key: &'static str,
    },
    Unfit {
        found: String,
        expected: String,
    },
    Other(String),
}

impl Fault {
    fn below(mut self, key: impl Display) -> Self {
        self.path.insert(0, key.to_string());
        self
    }

    fn explain(self, place: &str, root: &Value) -> String {
        let value = place::at(root, &self.path);
        let place = [&[place.to_owned()], &self.path[..]].concat().join(".");
        let fault = match self.what {
            What::UnknownKey { key, known } => {
                SettingError::unknown(&key, known.iter().copied()).below(&place)
            }
            What::Unfit { expected, .. } if value.is_some() => {
                let value = value.map(Value::to_string).unwrap_or_default();
                SettingError::refused(place, value, expected)
            }
            What::Unfit { expected, .. } => return format!("{place}; allowed: {expected}"),
            What::UnknownWord { word, known } => {
                let value = value.map(|value| format!(" = {value}")).unwrap_or_default();
                let help = suggestion(&word, known.iter().copied());
                return format!("{place}{value}; {help}");
            }
            What::Missing { key } => {
                return format!("{place}.{key} is missing; every setting must be given");
            }
            What::Other(message) => return format!("{place}: {message}"),
        };
        fault.to_string()
    }
}

/// What is allowed where a table belongs.
const TABLE: &str = "a table, as in {key = value}";

/// What serde's phrases mean to someone who writes TOML.
fn in_toml(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        // The range is checked by whoever takes the number, and said then.
        "u64" | "usize" | "u32" => "a whole number".to_owned(),
        "a nonzero u64" | "a nonzero usize" => "a whole number, at least 1".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "a sequence" => "a list, as in [1, 2]".to_owned(),
        "a map" => TABLE.to_owned(),
        other => match other
            .strip_prefix("struct ")
            .or(other.strip_prefix("internally tagged enum "))
        {
            Some(_) => TABLE.to_owned(),
            None => other
                .replace("string or map", "text in quotes")
                .replace("variant identifier", "text in quotes"),
        },
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.what)
    }
}

impl std::error::Error for Fault {}

impl From<What> for Fault {
    fn from(what: What) -> Self {
        let path = Vec::new();
        Self { path, what }
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        What::Other(message.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = found.to_string();
        let expected = in_toml(expected);
        What::Unfit { found, expected }.into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let negative = matches!(found, Unexpected::Signed(value) if value < 0);
        let mut fault = Self::invalid_type(found, expected);
        if let What::Unfit { expected, .. } = &mut fault.what
            && negative
            && expected == "a whole number"
        {
            *expected += " without a minus sign";
        }
        fault
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let key = key.to_owned();
        What::UnknownKey { key, known }.into()
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        let word = word.to_owned();
        What::UnknownWord { word, known }.into()
    }

    fn missing_field(key: &'static str) -> Self {
        What::Missing { key }.into()
    }
}

#[derive(Clone, Copy)]
struct Node<'a>(&'a Value);

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(value) => visitor.visit_borrowed_str(value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Datetime(value) => visitor.visit_string(value.to_string()),
            Value::Array(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Value::Table(table) => visitor.visit_map(Entries {
                rest: table.iter(),
                current: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(word) => {
                let word: StrDeserializer<'de, Fault> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            Value::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(Entries {
                rest: table.iter(),
                current: None,
            })),
            value => Err(Fault::from(What::Unfit {
                found: value.to_string(),
                expected: format!("one of {}", words.join(", ")),
            })),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a>(std::iter::Enumerate<std::slice::Iter<'a, Value>>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, value)) = self.0.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(Node(value));
        item.map(Some).map_err(|fault| fault.below(index))
    }
}

struct Entries<'a> {
    rest: toml::map::Iter<'a, String, Value>,
    current: Option<(&'a String, &'a Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.rest.next();
        let Some((key, _)) = self.current else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.current.expect("serde asks for a key first");
        let value = seed.deserialize(Node(value));
        value.map_err(|fault| fault.below(key))
    }
}

#[cfg(test)]
mod tests;
