//! Values and params as JSON. Refuses objects as values, and whole numbers beyond 64 bits with sign.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{Params, Value};

/// A [`Value`] as JSON.
#[derive(Debug, Clone)]
pub(super) struct ValueJson(pub(super) Value);

/// [`Params`] as a JSON object.
#[derive(Debug, Clone)]
pub(super) struct ParamsJson(pub(super) Params);

impl Serialize for ParamsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        params::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for ParamsJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        params::deserialize(deserializer).map(Self)
    }
}

/// [`Params`] as a JSON object, for fields.
pub(super) mod params {
    use super::{BTreeMap, Deserialize, Deserializer, Params, Serializer, ValueJson};

    pub(crate) fn serialize<S: Serializer>(
        params: &Params,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(params.iter().map(|(name, value)| (name, ValueJson(value.clone()))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Params, D::Error> {
        let json = BTreeMap::<String, ValueJson>::deserialize(deserializer)?;
        Ok(json.into_iter().map(|(name, value)| (name, value.0)).collect())
    }
}

/// A [`Value`], for fields.
pub(super) mod single {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Value, ValueJson};

    pub(crate) fn serialize<S: Serializer>(
        value: &Value,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        ValueJson(value.clone()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Value, D::Error> {
        ValueJson::deserialize(deserializer).map(|json| json.0)
    }
}

/// Values as a JSON array, for fields.
pub(super) mod values {
    use super::{Deserialize, Deserializer, Serializer, Value, ValueJson};

    pub(crate) fn serialize<S: Serializer>(
        values: &[Value],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().cloned().map(ValueJson))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Value>, D::Error> {
        let json = Vec::<ValueJson>::deserialize(deserializer)?;
        Ok(json.into_iter().map(|value| value.0).collect())
    }
}

impl Serialize for ValueJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Int(whole) => serializer.serialize_i64(*whole),
            Value::Float(real) => serializer.serialize_f64(*real),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => values::serialize(items, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ValueJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("null, true, false, a number, a text or a list of these")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, whole: i64) -> Result<Value, E> {
        Ok(Value::Int(whole))
    }

    fn visit_u64<E: Error>(self, whole: u64) -> Result<Value, E> {
        let beyond = || {
            E::custom(format_args!("the whole number {whole} has more than 64 bits with its sign"))
        };
        i64::try_from(whole).map(Value::Int).map_err(|_| beyond())
    }

    fn visit_f64<E: Error>(self, real: f64) -> Result<Value, E> {
        Ok(Value::Float(real))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(item) = items.next_element::<ValueJson>()? {
            values.push(item.0);
        }
        Ok(Value::List(values))
    }
}
