//! Enums as objects that name their variant in a field `type`: read in one pass where that field comes first, as this
//! crate writes it, and from a copy of the fields where it does not.
//!
//! serde's own reading of such enums copies the fields always, which takes most of the time of opening a long log.
//! Refuses to know any variant: the enum's derived reader does.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::value::{EnumAccessDeserializer, MapDeserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, Unexpected, VariantAccess,
    Visitor,
};

/// The field that names the variant.
const TAG: &str = "type";

/// A variant's name, and its fields as they come.
pub(super) struct Tagged<A> {
    tag: String,
    fields: A,
}

/// Reads an enum by the reader of its variants.
pub(super) trait Variants: Sized {
    /// Reads the variant that the deserializer names.
    fn read<'de, D: Deserializer<'de>>(variant: D) -> Result<Self, D::Error>;
}

/// Reads an object with a `type`.
pub(super) fn deserialize<'de, T: Variants, D: Deserializer<'de>>(json: D) -> Result<T, D::Error> {
    json.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Variants> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with a field `{TAG}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<T, A::Error> {
        let Some(first) = fields.next_key::<String>()? else {
            return Err(A::Error::missing_field(TAG));
        };
        if first == TAG {
            let tag = fields.next_value()?;
            return T::read(EnumAccessDeserializer::new(Tagged { tag, fields }));
        }
        let mut copied = serde_json::Map::new();
        copied.insert(first, fields.next_value()?);
        while let Some((name, value)) = fields.next_entry()? {
            copied.insert(name, value);
        }
        let tag = match copied.remove(TAG) {
            Some(serde_json::Value::String(tag)) => tag,
            Some(_) => return Err(A::Error::invalid_type(Unexpected::Other("no text"), &TAG)),
            None => return Err(A::Error::missing_field(TAG)),
        };
        let fields = MapDeserializer::new(copied.into_iter());
        T::read(EnumAccessDeserializer::new(Tagged { tag, fields }))
            .map_err(|error: serde_json::Error| A::Error::custom(error))
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Tagged<A> {
    type Error = A::Error;
    type Variant = Fields<A>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Fields<A>), A::Error> {
        let tag: StringDeserializer<A::Error> = self.tag.into_deserializer();
        Ok((seed.deserialize(tag)?, Fields(self.fields)))
    }
}

/// What is left of an object after its `type`.
pub(super) struct Fields<A>(A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn unit_variant(mut self) -> Result<(), A::Error> {
        match self.0.next_key::<String>()? {
            None => Ok(()),
            Some(name) => Err(A::Error::unknown_field(&name, &[])),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, A::Error> {
        Err(A::Error::custom("a variant with a type has named fields"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a variant with a type has named fields"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}
