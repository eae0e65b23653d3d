//! What was written, before anyone knows what it means: a tree of values that know where they come from.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of the file or text, the first being 1.
    Line(usize),
    /// Nowhere that is known: the value came through serde.
    Unknown,
    /// An environment variable.
    Variable(Arc<str>),
}

/// A value and its origin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Boolean(bool),
    Float(f64),
    Integer(i64),
    List(Vec<Node>),
    /// In the order written.
    Table(Vec<Entry>),
    Text(String),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Of the key.
    pub(super) origin: Origin,
    pub(super) node: Node,
}

impl Node {
    /// A table without entries.
    pub(super) fn empty(origin: Origin) -> Self {
        Self { origin, content: Content::Table(Vec::new()) }
    }

    /// The table that `text` is, in TOML.
    pub(super) fn from_toml(text: &str) -> Result<Self, Problem> {
        let lines = Lines::of(text);
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(Origin::Unknown, |span| lines.origin(span.start));
            Problem::new(error.message().replace('\n', " ")).at(&at)
        })?;
        lines.table(table.into_inner()).map(|content| Self { origin: Origin::Unknown, content })
    }

    /// The value that `text` is, in TOML; all of it comes from `origin`.
    pub(super) fn value_from_toml(text: &str, origin: &Origin) -> Result<Self, Problem> {
        let value = DeValue::parse(text)
            .map_err(|error| Problem::new(error.message().replace('\n', " ")).at(origin))?;
        let mut node = Lines::of(text).node(value)?;
        node.come_from(origin);
        Ok(node)
    }

    fn come_from(&mut self, origin: &Origin) {
        self.origin = origin.clone();
        match &mut self.content {
            Content::List(list) => list.iter_mut().for_each(|node| node.come_from(origin)),
            Content::Table(entries) => entries.iter_mut().for_each(|entry| entry.node.come_from(origin)),
            _ => {}
        }
    }

    /// The value at `path`.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((key, rest)) = path.split_first() else { return Some(self) };
        match &self.content {
            Content::Table(entries) => entries.iter().find(|entry| entry.key == *key)?.node.find(rest),
            Content::List(list) => list.get(key.parse::<usize>().ok()?)?.find(rest),
            _ => None,
        }
    }

    /// Where the value at `path` was written; failing that, the innermost table it would stand in.
    pub(super) fn origin_of(&self, path: &[&str]) -> &Origin {
        let found = (0..=path.len()).rev().find_map(|len| self.find(path.get(..len)?));
        found.map_or(&Origin::Unknown, |node| &node.origin)
    }

    /// Puts `value` at `path`, in place of what is there.
    pub(super) fn put(&mut self, path: &[&str], value: Self) -> Result<(), Problem> {
        let Some((key, rest)) = path.split_first() else {
            *self = value;
            return Ok(());
        };
        let Content::Table(entries) = &mut self.content else {
            return Err(Problem::new("has a value, and no keys below it").at(&value.origin));
        };
        let position = entries.iter().position(|entry| entry.key == *key);
        let position = position.unwrap_or_else(|| {
            let (origin, node) = (value.origin.clone(), Self::empty(value.origin.clone()));
            entries.push(Entry { key: (*key).to_owned(), origin, node });
            entries.len() - 1
        });
        match entries.get_mut(position) {
            Some(entry) => entry.node.put(rest, value).map_err(|problem| problem.inside(key)),
            None => Ok(()),
        }
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::Line(self.0.partition_point(|end| *end < offset) + 1)
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Result<Node, Problem> {
        let origin = self.origin(value.span().start);
        let content = match value.into_inner() {
            DeValue::String(text) => Content::Text(text.into_owned()),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                Content::Integer(parsed.map_err(|_| {
                    Problem::new(format!("{} is too large a number", number.as_str())).at(&origin)
                })?)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse();
                Content::Float(
                    parsed
                        .map_err(|_| Problem::new(format!("{} is no number", number.as_str())).at(&origin))?,
                )
            }
            DeValue::Boolean(flag) => Content::Boolean(flag),
            DeValue::Datetime(date) => Content::Text(date.to_string()),
            DeValue::Array(list) => {
                Content::List(list.into_iter().map(|value| self.node(value)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => self.table(table)?,
        };
        Ok(Node { origin, content })
    }

    fn table(&self, table: DeTable<'_>) -> Result<Content, Problem> {
        let mut entries: Vec<_> = table.into_iter().collect();
        // The map has them by name; what is wrong first is said first.
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (Spanned<_>, _)| {
            let origin = self.origin(key.span().start);
            let key: std::borrow::Cow<'_, str> = key.into_inner();
            let node = self.node(value).map_err(|problem| problem.inside(&key))?;
            Ok(Entry { key: key.into_owned(), origin, node })
        };
        Ok(Content::Table(entries.into_iter().map(entry).collect::<Result<_, _>>()?))
    }
}
