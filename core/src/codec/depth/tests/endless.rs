//! Input without end, and a type that follows it.

use std::fmt;

use serde::de::value::Error;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// What an [`Endless`] value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Map,
    Newtype,
    NewtypeVariant,
    Option,
    Seq,
    StructVariant,
    TupleVariant,
}

/// A value of `kind` that holds one such, which holds one such, `left` times; then a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endless {
    pub(super) kind: Kind,
    pub(super) left: usize,
}

impl<'de> Deserializer<'de> for Endless {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(left) = self.left.checked_sub(1) else { return visitor.visit_unit() };
        let inside = Self { left, ..self };
        match self.kind {
            Kind::Map => visitor.visit_map(Holds(Some(inside))),
            Kind::Newtype => visitor.visit_newtype_struct(inside),
            Kind::NewtypeVariant | Kind::StructVariant | Kind::TupleVariant => {
                visitor.visit_enum(Holds(Some(inside)))
            }
            Kind::Option => visitor.visit_some(inside),
            Kind::Seq => visitor.visit_seq(Holds(Some(inside))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The inside of an [`Endless`] value: one element, entry or field.
struct Holds(Option<Endless>);

impl<'de> SeqAccess<'de> for Holds {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.take().map(|inside| seed.deserialize(inside)).transpose()
    }
}

impl<'de> MapAccess<'de> for Holds {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.map(|_| seed.deserialize("key".into_deserializer())).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.0.take().unwrap())
    }
}

impl<'de> EnumAccess<'de> for Holds {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name = format!("{:?}", self.0.unwrap().kind);
        Ok((seed.deserialize(name.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for Holds {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.0.unwrap())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }
}

/// `left` units, all promised ahead.
#[derive(Debug)]
pub(super) struct Units {
    pub(super) left: usize,
}

impl<'de> Deserializer<'de> for Units {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Units {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(().into_deserializer()).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// How many values were in each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Deep(pub(super) usize);

impl<'de> Deserialize<'de> for Deep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DeepVisitor)
    }
}

struct DeepVisitor;

impl<'de> Visitor<'de> for DeepVisitor {
    type Value = Deep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Deep, E> {
        Ok(Deep(0))
    }

    fn visit_some<D: Deserializer<'de>>(self, inside: D) -> Result<Deep, D::Error> {
        Deep::deserialize(inside).map(deeper)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inside: D) -> Result<Deep, D::Error> {
        Deep::deserialize(inside).map(deeper)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Deep, A::Error> {
        elements.next_element().map(Option::unwrap).map(deeper)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Deep, A::Error> {
        entries.next_entry::<String, _>().map(Option::unwrap).map(|(_, inside)| deeper(inside))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<Deep, A::Error> {
        let (name, fields) = variant.variant::<String>()?;
        match name.as_str() {
            "StructVariant" => fields.struct_variant(&[], self),
            "TupleVariant" => fields.tuple_variant(1, self),
            _ => fields.newtype_variant().map(deeper),
        }
    }
}

fn deeper(inside: Deep) -> Deep {
    Deep(inside.0 + 1)
}
