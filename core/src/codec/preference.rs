//! Which codecs a side speaks, in its own order.

use super::CodecIndex;
use crate::{Error, ErrorKind};

/// A codec of a set: its place, and its name.
pub(crate) type Known = (CodecIndex, &'static str);

/// The codecs called `wanted`, in that order, out of a set's `names`.
///
/// # Errors
/// [`ErrorKind::UnsupportedCodec`] if one is not of the set; [`ErrorKind::Configuration`] if there is none, or one twice.
pub(crate) fn prefer(names: &'static [&'static str], wanted: &[String]) -> Result<Vec<Known>, Error> {
    let mut preferred: Vec<Known> = Vec::new();
    for name in wanted {
        let known = find(names, name).ok_or_else(|| {
            let reason = format!("no codec `{name}` here; known: {}", names.join(", "));
            Error::new(ErrorKind::UnsupportedCodec, reason)
        })?;
        if preferred.contains(&known) {
            return Err(Error::configuration(format!("codec `{name}` is named twice")));
        }
        preferred.push(known);
    }
    if preferred.is_empty() {
        return Err(Error::configuration(format!("no codec is named; known: {}", names.join(", "))));
    }
    Ok(preferred)
}

/// The codec of a connection: the first of ours that the peer offers if we have a preference, and the first of the
/// peer's that we know if not.
pub(crate) fn choose(
    offered: &[String],
    preferred: Option<&[Known]>,
    names: &'static [&'static str],
) -> Option<Known> {
    match preferred {
        Some(preferred) => {
            preferred.iter().find(|(_, name)| offered.iter().any(|other| other == name)).copied()
        }
        None => offered.iter().find_map(|name| find(names, name)),
    }
}

fn find(names: &'static [&'static str], wanted: &str) -> Option<Known> {
    (0u8..).zip(names).find(|(_, name)| **name == wanted).map(|(index, name)| (CodecIndex::new(index), *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["json", "postcard", "messagepack"];

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn without_a_preference_the_peer_decides() {
        let chosen = choose(&list(&["cbor", "postcard", "json"]), None, NAMES).unwrap();
        assert_eq!((chosen.0.get(), chosen.1), (1, "postcard"));
        assert!(choose(&list(&["cbor"]), None, NAMES).is_none());
    }

    #[test]
    fn a_preference_decides_among_what_the_peer_offers() {
        let preferred = prefer(NAMES, &list(&["messagepack", "json"])).unwrap();
        let chosen = |offered| choose(&list(offered), Some(&preferred), NAMES).map(|known| known.1);
        assert_eq!(chosen(&["json", "messagepack"]), Some("messagepack"));
        assert_eq!(chosen(&["postcard", "json"]), Some("json"));
        assert_eq!(chosen(&["postcard"]), None, "what is not preferred is not spoken");
    }

    #[test]
    fn a_wrong_preference_is_named() {
        let refused = |wanted| prefer(NAMES, &list(wanted)).unwrap_err();
        assert_eq!(refused(&["jsn"]).kind(), ErrorKind::UnsupportedCodec);
        assert_eq!(refused(&["jsn"]).to_string(), "no codec `jsn` here; known: json, postcard, messagepack");
        assert_eq!(refused(&["json", "json"]).to_string(), "codec `json` is named twice");
        assert_eq!(refused(&[]).kind(), ErrorKind::Configuration);
    }
}
