//! From the tree to types, through serde. Every error takes along where it happened.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{Content, Entry, Node, Origin};
use super::problem::Problem;

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let value = match &self.content {
            Content::Boolean(flag) => visitor.visit_bool(*flag),
            Content::Float(number) => visitor.visit_f64(*number),
            Content::Integer(number) => visitor.visit_i64(*number),
            Content::List(list) => visitor.visit_seq(Items { items: list.iter(), index: 0 }),
            Content::Table(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
            Content::Text(text) => visitor.visit_borrowed_str(text),
        };
        value.map_err(|problem| problem.at(&self.origin))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match (&self.content, &self.origin) {
            (Content::Table(_), _) => self.deserialize_any(visitor),
            (_, Origin::Variable(name)) => {
                let message = format!("is a section; set its keys, as in {name}__KEY");
                Err(Problem::new(message).at(&self.origin))
            }
            _ => Err(Problem::new("is a section, not a value; write its name in brackets").at(&self.origin)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        let value = seed.deserialize(node);
        value.map(Some).map_err(|problem| problem.at(&node.origin).inside(&index.to_string()))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key: StrDeserializer<'_, Problem> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|problem| problem.at(&entry.origin).inside(&entry.key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let entry = self.value.take().ok_or_else(|| Problem::new("a value comes before its key"))?;
        let value = seed.deserialize(&entry.node);
        value.map_err(|problem| problem.at(&entry.node.origin).inside(&entry.key))
    }
}

/// A tree that comes through serde, from a file of somebody else's format.
impl<'de> serde::Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl From<Content> for Node {
    fn from(content: Content) -> Self {
        Self { origin: Origin::Unknown, content }
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a configuration file")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Content::Boolean(flag).into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Content::Float(number).into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Content::Integer(number).into())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Node, E> {
        let number =
            i64::try_from(number).map_err(|_| E::custom(format!("{number} is too large a number")))?;
        self.visit_i64(number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Content::Text(text.to_owned()).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = sequence.next_element()? {
            list.push(node);
        }
        Ok(Content::List(list).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = map.next_entry::<String, Option<Node>>()? {
            entries.extend(node.map(|node| Entry { key, origin: Origin::Unknown, node }));
        }
        Ok(Content::Table(entries).into())
    }
}
