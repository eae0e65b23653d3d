//! What the HTTP upgrade of a WebSocket told.

use std::fmt;

/// What the HTTP upgrade of a WebSocket told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeInfo {
    /// The request's path, with its leading slash.
    pub path: String,
    /// The request's query, without the question mark.
    pub query: Option<String>,
    /// The request's headers, in order, names in lower case. Values that are not UTF-8 are left out.
    pub headers: UpgradeHeaders,
    /// The subprotocol agreed on.
    pub subprotocol: Option<String>,
}

impl UpgradeInfo {
    /// The first header called `name`, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of cookie `name`.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.iter().filter(|(known, _)| *known == "cookie");
        cookies
            .flat_map(|(_, value)| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// The headers of an upgrade, in order: names and values side by side in one piece of memory, since every session keeps
/// them.
///
/// ```
/// use linkspan_core::UpgradeHeaders;
///
/// let headers: UpgradeHeaders = [("host", "example.org"), ("x-user", "ada")].into_iter().collect();
/// assert_eq!(headers.len(), 2);
/// assert_eq!(headers.iter().last(), Some(("x-user", "ada")));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UpgradeHeaders {
    text: Box<str>,
    /// Lengths of a name and its value.
    lens: Box<[(u32, u32)]>,
}

impl UpgradeHeaders {
    /// Name and value of each, in order. A name may occur more than once.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.text;
        self.lens.iter().map(move |(name, value)| (cut(&mut rest, *name), cut(&mut rest, *value)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }
}

/// Takes the first `len` bytes off `rest`.
fn cut<'a>(rest: &mut &'a str, len: u32) -> &'a str {
    let at = usize::try_from(len).unwrap_or(usize::MAX);
    let (first, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
    *rest = behind;
    first
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for UpgradeHeaders {
    /// Collects names, which are in lower case, and values. One of 4 GiB or more is left out.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let (mut text, mut lens) = (String::new(), Vec::new());
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            if let (Ok(name_len), Ok(value_len)) = (u32::try_from(name.len()), u32::try_from(value.len())) {
                text.push_str(name);
                text.push_str(value);
                lens.push((name_len, value_len));
            }
        }
        Self { text: text.into(), lens: lens.into() }
    }
}

impl fmt::Debug for UpgradeHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_what_they_were_made_of() {
        let made = [("host", "h:1"), ("x-empty", ""), ("x-twice", "ä"), ("x-twice", "two")];
        let headers: UpgradeHeaders = made.into_iter().collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), made);
        assert_eq!(format!("{headers:?}"), format!("{made:?}"));
        assert_eq!((headers.len(), headers.is_empty()), (4, false));
        let info = UpgradeInfo { headers, ..UpgradeInfo::default() };
        assert_eq!((info.header("x-twice"), info.header("twice")), (Some("ä"), None));
    }
}
