//! What types cannot say: known codecs and schemes, and how settings fit together.
//!
//! All of it is checked last: what a file begins, variables may complete.

use super::node::Node;
use super::problem::{Problem, nearest};
use super::roads::Side;
use super::sections::Contents;
use crate::settings::Misfit;
use crate::{CodecSet, Endpoint, Stack};

/// Checks that an application built with `K` can do what `contents`, read from `tree`, says to both sides.
pub(super) fn check_shared<K: Stack>(contents: &Contents, tree: &Node) -> Result<(), Problem> {
    fits(contents.misfit(), tree)?;
    check_codecs::<K>(&contents.codecs, tree)?;
    for (index, endpoint) in contents.server.listen.iter().enumerate() {
        let place = ["server", "listen", &index.to_string()];
        check_endpoint::<K>(endpoint, tree, &place)?;
        if endpoint.option("codec").is_some() {
            let message = "names a codec, which its clients choose; say with `codecs` which to speak";
            return Err(found(tree, &place, message));
        }
    }
    if let Some(endpoint) = &contents.client.endpoint {
        check_endpoint::<K>(endpoint, tree, &["client", "endpoint"])?;
    }
    Ok(())
}

/// Checks what is of `side` alone: the other side may run where variables complete it.
pub(super) fn check_side(contents: &Contents, side: Side, tree: &Node) -> Result<(), Problem> {
    fits(contents.misfit_of(side), tree)
}

fn fits(misfit: Option<(&'static str, Misfit)>, tree: &Node) -> Result<(), Problem> {
    let Some((section, misfit)) = misfit else { return Ok(()) };
    let path: Vec<_> = section.split('.').chain([misfit.setting()]).collect();
    Err(found(tree, &path, misfit.reason()))
}

fn check_codecs<K: Stack>(codecs: &[String], tree: &Node) -> Result<(), Problem> {
    if codecs.is_empty() && tree.find(&["codecs"]).is_some() {
        let known = K::Codecs::NAMES.join(", ");
        return Err(found(tree, &["codecs"], format!("names no codec; known: {known}")));
    }
    for (index, codec) in codecs.iter().enumerate() {
        let place = index.to_string();
        check_codec::<K>(codec, tree, &["codecs", &place])?;
        if codecs.iter().take(index).any(|earlier| earlier == codec) {
            return Err(found(tree, &["codecs", &place], format!("`{codec}` is named twice")));
        }
    }
    Ok(())
}

fn check_codec<K: Stack>(codec: &str, tree: &Node, path: &[&str]) -> Result<(), Problem> {
    if K::Codecs::find(codec).is_some() {
        return Ok(());
    }
    let known = K::Codecs::NAMES;
    let message = match nearest(codec, known) {
        Some(near) => format!("no codec `{codec}`; did you mean `{near}`?"),
        None => format!("no codec `{codec}`; known: {}", known.join(", ")),
    };
    Err(found(tree, path, message))
}

fn check_endpoint<K: Stack>(endpoint: &Endpoint, tree: &Node, path: &[&str]) -> Result<(), Problem> {
    let transports = K::transports();
    if transports.find(endpoint).is_err() {
        let mut known: Vec<_> = transports.schemes().collect();
        known.sort_unstable();
        known.dedup();
        let scheme = endpoint.scheme();
        let message = match nearest(scheme, &known) {
            Some(near) => format!("no transport for {scheme}://; did you mean {near}://?"),
            None => format!(
                "no transport for {scheme}:// (known: {}); it may need a cargo feature of linkspan",
                known.join(", ")
            ),
        };
        return Err(found(tree, path, message));
    }
    match endpoint.option("codec") {
        Some(codec) => check_codec::<K>(codec, tree, path),
        None => Ok(()),
    }
}

fn found(tree: &Node, path: &[&str], message: impl Into<String>) -> Problem {
    Problem::new(message).at(tree.origin_of(path)).below(path)
}
