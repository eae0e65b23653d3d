//! What people and browsers write: endpoints, and the facts of an upgrade.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod effort;

use effort::effort;
use linkspan_core::{Endpoint, UpgradeInfo};
use proptest::collection::vec;
use proptest::prelude::*;

fn prints_alike(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            assert!(text.len() <= Endpoint::MAX_LEN);
            let printed = endpoint.to_string();
            assert_eq!(printed.parse::<Endpoint>().unwrap(), endpoint, "{printed}");
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
}

fn prints_alike_if_it_is_one(picks: &[u8]) {
    const PARTS: [&str; 24] = [
        "tcp",
        "quic",
        "://",
        ":",
        "/",
        "//",
        "?",
        "&",
        "=",
        "[",
        "]",
        "::1",
        "127.0.0.1",
        "host",
        "7001",
        "65536",
        "codec=json",
        "%20",
        "@",
        "#",
        " ",
        "é",
        "a",
        "",
    ];
    let text: String =
        picks.iter().filter_map(|pick| PARTS.get(usize::from(*pick) % PARTS.len())).copied().collect();
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        let printed = endpoint.to_string();
        assert_eq!(printed.parse::<Endpoint>().unwrap(), endpoint, "{text} prints as {printed}");
    }
}

fn finds_what_is_there((headers, name): &(Vec<(String, String)>, String)) {
    let mut info = UpgradeInfo::default();
    info.headers = headers.iter().cloned().collect();
    let header = headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(info.header(name), header);
    let cookie = ("cookie".to_owned(), format!("a=1; {name}=found; b=2"));
    info.headers = std::iter::once(cookie).chain(headers.iter().cloned()).collect();
    if !name.contains(['=', ';']) && name.trim() == name && !["a", "b"].contains(&name.as_str()) {
        assert_eq!(info.cookie(name), Some("found"));
    }
    let _ = info.cookie("");
}

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn an_endpoint_that_is_read_prints_as_what_is_read_alike(input in vec(any::<u8>(), 0..400)) {
        prints_alike(&input);
    }

    /// Bytes hardly ever look like an endpoint by chance; these do.
    #[test]
    fn parts_of_endpoints_make_endpoints_or_errors(input in vec(any::<u8>(), 0..40)) {
        prints_alike_if_it_is_one(&input);
    }

    #[test]
    fn cookies_and_headers_of_an_upgrade_are_found_or_not(
        input in (vec(("[a-cx;= -]{0,8}", "[a-c;=é ]{0,8}"), 0..4), "[a-cx;= ]{0,4}"),
    ) {
        finds_what_is_there(&input);
    }
}
