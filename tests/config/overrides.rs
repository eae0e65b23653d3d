//! Variables of the environment override keys of the file.

use std::time::Duration;

use linkspan::Error;
use linkspan::config::Config;

const FILE: &str =
    "codecs = ['json']\n[server]\nlisten = ['mem://one']\n[limits]\nmax_in_flight = 7\nmax_lanes = 8";

fn overridden(variables: &[(&str, &str)]) -> Result<Config, Error> {
    Config::from_toml(FILE)?.with_variables("LINKSPAN", variables.iter().copied())
}

fn refused(name: &str, value: &str) -> String {
    overridden(&[(name, value)]).unwrap_err().to_string()
}

#[test]
fn a_variable_goes_before_the_file_and_leaves_the_rest() {
    let config = overridden(&[
        ("LINKSPAN__LIMITS__MAX_IN_FLIGHT", "100"),
        ("LINKSPAN__LIMITS__CALL_TIMEOUT", "2m"),
        ("LINKSPAN__LIMITS__MAX_MESSAGE_LEN", "65536"),
        ("LINKSPAN__LIMITS__MAX_BULK_LEN", "1 MiB"),
        ("LINKSPAN__CLIENT__ENDPOINT", "mem://two"),
        ("LINKSPAN__WEBSOCKET__DANGEROUSLY_ALLOW_ANY_ORIGIN", "true"),
        ("LINKSPAN__WEBSOCKET__ENGINE", "tungstenite"),
        ("LINKSPAN_PORT", "7001"),
        ("LINKSPANX__LIMITS__MAX_LANES", "1"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(config.limits().max_in_flight, 100);
    assert_eq!(config.limits().max_lanes, 8);
    assert_eq!(config.limits().call_timeout, Duration::from_secs(120));
    assert_eq!(config.limits().max_message_len, 65_536);
    assert_eq!(config.limits().max_bulk_len, 1 << 20);
    assert_eq!(config.endpoint().unwrap().to_string(), "mem://two");
    assert_eq!(config.listen()[0].to_string(), "mem://one");
    assert_eq!(config.codecs(), ["json"]);
}

#[test]
fn a_list_is_separated_by_commas_or_written_as_toml() {
    for list in ["mem://a,mem://b", " mem://a , mem://b,", r#"["mem://a", "mem://b"]"#] {
        let config = overridden(&[("LINKSPAN__SERVER__LISTEN", list), ("LINKSPAN__CODECS", "postcard,json")]);
        let config = config.unwrap();
        assert_eq!(config.codecs(), ["postcard", "json"]);
        let listen: Vec<_> = config.listen().iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["mem://a", "mem://b"], "{list}");
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, value, said) in [
        (
            "LINKSPAN__LIMITS__MAX_IN_FLIHGT",
            "1",
            "limits.max_in_flihgt: unknown key; did you mean `max_in_flight`?",
        ),
        ("LINKSPAN__LIMIT__MAX_LANES", "1", "limit: unknown key; did you mean `limits`?"),
        ("LINKSPAN__LIMITS", "1", "limits: is a section; set its keys, as in LINKSPAN__LIMITS__KEY"),
        ("LINKSPAN__LIMITS__MAX_LANES__X", "1", "limits.max_lanes: has a value, and no keys below it"),
        ("LINKSPAN__LIMITS__MAX_LANES", "0", "limits.max_lanes: 0 is out of range; it must be 1 to 4096"),
        (
            "LINKSPAN__LIMITS__MAX_LANES",
            "few",
            r#"limits.max_lanes: "few" is not a whole number; write digits without quotes"#,
        ),
        (
            "LINKSPAN__LIMITS__CALL_TIMEOUT",
            "30",
            r#"limits.call_timeout: "30" is not a duration; write "250ms", "10s" or "2m""#,
        ),
        ("LINKSPAN__CODECS", "json,bson", "codecs[1]: no codec `bson`; did you mean `json`?"),
        ("LINKSPAN__CODECS", "[1]", "codecs[0]: 1 is not a text; write it in quotes"),
    ] {
        assert_eq!(refused(name, value), format!("{name}: {said}"));
    }
    let unfinished = refused("LINKSPAN__SERVER__LISTEN", "['mem://a'");
    assert!(unfinished.starts_with("LINKSPAN__SERVER__LISTEN: server.listen: "), "{unfinished}");
}

#[test]
fn the_error_of_a_line_stays_with_its_line() {
    let wrong = Config::from_toml("[client]\nendpoint = 'mem://one'\n").unwrap();
    let quic = [("L__QUIC__LANE_WINDOW", "16 MiB")];
    assert_eq!(
        wrong.with_variables("L", quic).unwrap_err().to_string(),
        "L__QUIC__LANE_WINDOW: quic.connection_window: 8 MiB is out of range; it must be at least lane_window, 16 MiB"
    );
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_refused() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let value = (OsString::from("L__CLIENT__ENDPOINT"), OsString::from_vec(vec![0xff]));
    let said = Config::default().with_variables("L", [value]).unwrap_err().to_string();
    assert_eq!(said, "L__CLIENT__ENDPOINT: client.endpoint: is not Unicode");
}

#[test]
fn variables_complete_what_a_file_begins() {
    let text = "[server.tls]\ncert = 'server.pem'\n[quic]\nlane_window = '16 MiB'\n";
    let config = Config::from_toml(text).unwrap();
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "line 3: quic.connection_window: 8 MiB is out of range; it must be at least lane_window, 16 MiB"
    );
    let complete = [("L__SERVER__TLS__KEY", "server.key"), ("L__QUIC__CONNECTION_WINDOW", "16 MiB")];
    config.clone().with_variables("L", complete).unwrap().check().unwrap();

    // The other side may run where nothing completes a server's certificate.
    let half = config.with_variables("L", [("L__QUIC__CONNECTION_WINDOW", "16 MiB")]).unwrap();
    assert!(half.client().is_ok());
    let said = "line 2: server.tls.cert: cert and key go together; name both files";
    assert_eq!(half.server().unwrap_err().to_string(), said);
    assert_eq!(half.check().unwrap_err().to_string(), said);
}

#[test]
fn a_variable_without_its_other_half_is_named() {
    let config = Config::default().with_variables("L", [("L__CLIENT__TLS__KEY", "client.key")]).unwrap();
    let said = "L__CLIENT__TLS__KEY: client.tls.key: cert and key go together; name both files";
    assert_eq!(config.client().unwrap_err().to_string(), said);
    assert!(config.server().is_ok());
}

#[test]
fn a_variable_replaces_a_placeholder() {
    let file = crate::directory("placeholders").join("linkspan.toml");
    let text = "codecs = ['of your choice']\n[client]\nendpoint = '<where the server is>'\n[limits]\nmax_lanes = 0\n";
    std::fs::write(&file, text).unwrap();
    let mut variables = vec![("L__CLIENT__ENDPOINT", "mem://here"), ("L__LIMITS__MAX_LANES", "8")];
    let missing = Config::from_file_with_variables(&file, "L", variables.clone()).unwrap_err().to_string();
    assert!(
        missing.starts_with(&format!("{}:1: codecs[0]: no codec `of your choice`", file.display())),
        "{missing}"
    );

    variables.push(("L__CODECS", "json"));
    let config = Config::from_file_with_variables(&file, "L", variables).unwrap();
    config.check().unwrap();
    assert_eq!((config.endpoint().unwrap().host(), config.limits().max_lanes), ("here", 8));
    let unreplaced = Config::from_file(&file).unwrap_err().to_string();
    assert!(unreplaced.starts_with(&format!("{}:3: client.endpoint: ", file.display())), "{unreplaced}");
}
