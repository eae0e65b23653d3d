//! Variables that override keys: `LINKSPAN__LIMITS__MAX_IN_FLIGHT=100`.

use std::ffi::OsString;

use super::node::{Content, Node, Origin};
use super::problem::Problem;
use super::sections::{Section, kind_at};
use crate::settings::SettingKind;

/// What stands between a prefix, a section and a key. One underscore would not tell them from words of one name, and
/// orchestrators set variables such as `LINKSPAN_PORT`.
const SEPARATOR: &str = "__";

/// Puts every variable that begins with `prefix` and the separator into `tree`.
pub(super) fn overlay(
    tree: &mut Node,
    prefix: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    sections: &[Section],
) -> Result<(), Problem> {
    let start = format!("{prefix}{SEPARATOR}");
    let ours = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        name.starts_with(&start).then_some((name, value))
    };
    let mut found: Vec<_> = variables.into_iter().filter_map(ours).collect();
    found.sort(); // the same complaint in every run
    for (name, value) in found {
        let origin = Origin::Variable(name.as_str().into());
        let key = name.strip_prefix(&start).unwrap_or_default().to_ascii_lowercase();
        let path: Vec<_> = key.split(SEPARATOR).collect();
        let text =
            value.into_string().map_err(|_| Problem::new("is not Unicode").below(&path).at(&origin))?;
        let value = read(&text, kind_at(sections, &path), &origin).map_err(|problem| problem.below(&path))?;
        tree.put(&path, value)?;
    }
    Ok(())
}

/// What `text` means where a value of `kind` is expected. What it cannot mean is found by whoever reads the tree.
fn read(text: &str, kind: Option<SettingKind>, origin: &Origin) -> Result<Node, Problem> {
    let as_text = || Content::Text(text.to_owned());
    let content = match kind {
        Some(SettingKind::Bytes | SettingKind::Count) => {
            text.parse().map_or_else(|_| as_text(), Content::Integer)
        }
        Some(SettingKind::Flag) => text.parse().map_or_else(|_| as_text(), Content::Boolean),
        Some(SettingKind::Endpoints | SettingKind::Texts) if text.trim_start().starts_with('[') => {
            return Node::value_from_toml(text.trim(), origin);
        }
        Some(SettingKind::Endpoints | SettingKind::Texts) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let item = |item: &str| Node { origin: origin.clone(), content: Content::Text(item.to_owned()) };
            Content::List(items.map(item).collect())
        }
        _ => as_text(),
    };
    Ok(Node { origin: origin.clone(), content })
}
