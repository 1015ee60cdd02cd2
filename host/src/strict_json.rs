//! JSON from outside, in which no key stands twice, no integer has more than 64 bits and nothing is nested too deep: of two
//! readers of one text neither takes another value.

use std::fmt;

use aisoc_worker::exact_json::require_exact;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Deepest that a value from outside may be nested.
const MAX_DEPTH: usize = 64;

/// The value that a text is.
///
/// # Errors
/// Where it is none, a key stands twice, it is nested too deep, or as [`require_exact`].
pub(crate) fn value(bytes: &[u8]) -> serde_json::Result<Value> {
    require_exact(bytes).map_err(serde_json::Error::custom)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Once { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// A value in which no key stands twice, of which readers would take one or the other, and which is not too deep.
#[derive(Clone, Copy)]
struct Once {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let (inner, mut values) = (self.inner()?, Vec::new());
        while let Some(value) = sequence.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (inner, mut values) = (self.inner()?, Map::new());
        while let Some(key) = members.next_key::<String>()? {
            if values.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` stands twice")));
            }
            let value = members.next_value_seed(inner)?;
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}

impl Once {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth < MAX_DEPTH {
            true => Ok(Self { depth: self.depth + 1 }),
            false => Err(E::custom(format_args!("it is nested deeper than {MAX_DEPTH} levels"))),
        }
    }
}
