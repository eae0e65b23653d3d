//! What is wrong is said with file, line and key, and with what to write instead.

use linkspan::ErrorKind;
use linkspan::config::Config;

use crate::{directory, refused};

/// Files, and what is said about them.
const WRONG: &[(&str, &str)] = &[
    (
        "[limits]\n\ncall_timeout = \"30\"",
        r#"line 3: limits.call_timeout: "30" is not a duration; write "250ms", "10s" or "2m""#,
    ),
    (
        "[limits]\ncall_timeout = 30",
        r#"line 2: limits.call_timeout: 30 is not a duration; write "250ms", "10s" or "2m""#,
    ),
    (
        "[limits]\nmax_message_len = \"4 MB\"",
        r#"line 2: limits.max_message_len: "4 MB" is not a size; write a number of bytes, "64 KiB" or "4 MiB""#,
    ),
    (
        "[limits]\nmax_in_flight = \"many\"",
        r#"line 2: limits.max_in_flight: "many" is not a whole number; write digits without quotes"#,
    ),
    ("[limits]\nmax_in_flight = 0", "line 2: limits.max_in_flight: 0 is out of range; it must be 1 to 65536"),
    (
        "limits.max_message_len = '4 TiB'",
        r#"line 1: limits.max_message_len: "4 TiB" is out of range; it must be "16 KiB" to "2 GiB""#,
    ),
    (
        "[limits]\nmax_in_fligth = 1",
        "line 2: limits.max_in_fligth: unknown key; did you mean `max_in_flight`?",
    ),
    ("[limit]\nmax_in_flight = 1", "line 1: limit: unknown key; did you mean `limits`?"),
    ("[client]\nport = 1", "line 2: client.port: unknown key; known: endpoint, tls"),
    ("limits = 4", "line 1: limits: is a section, not a value; write its name in brackets"),
    (
        "[client]\nendpoint = ['tcp://h:1']",
        r#"line 2: client.endpoint: a list is not an endpoint; write "tcp://127.0.0.1:7001""#,
    ),
    (
        "[client]\nendpoint = '127.0.0.1:7001'",
        "line 2: client.endpoint: endpoint `127.0.0.1:7001` has no scheme; write scheme://host:port, as in tcp://127.0.0.1:7001",
    ),
    (
        "[server]\nlisten = [\n  'tcp://127.0.0.1:0',\n  'tpc://127.0.0.1:0',\n]",
        "line 4: server.listen[1]: no transport for tpc://; did you mean tcp://?",
    ),
    (
        "[server]\nlisten = ['tcp://127.0.0.1:0', 7001]",
        r#"line 2: server.listen[1]: 7001 is not an endpoint; write "tcp://127.0.0.1:7001""#,
    ),
    (
        "[server]\nlisten = 'tcp://127.0.0.1:0'",
        r#"line 2: server.listen: "tcp://127.0.0.1:0" is not a list of endpoints; write ["tcp://127.0.0.1:7001"]"#,
    ),
    (
        "[server]\nlisten = ['tcp://127.0.0.1:0', 'mem://a?codec=json']",
        "line 2: server.listen[1]: names a codec, which its clients choose; say with `codecs` which to speak",
    ),
    (
        "[client]\nendpoint = 'tls://h:1?ca=a&ca=b'",
        "line 2: client.endpoint: endpoint `tls://h:1?ca=a&ca=b` has an option twice; leave one out",
    ),
    (
        "[client]\nendpoint = 'tcp://h:1?codec=jsn'",
        "line 2: client.endpoint: no codec `jsn`; did you mean `json`?",
    ),
    ("codecs = 'json'", r#"line 1: codecs: "json" is not a list of texts; write ["one", "two"]"#),
    ("codecs = ['postcard', 'bson']", "line 1: codecs[1]: no codec `bson`; did you mean `json`?"),
    ("codecs = ['json', 'json']", "line 1: codecs[1]: `json` is named twice"),
    (
        "[websocket]\nallowed_origins = ['https://app.example', 'app.example']",
        r#"line 2: websocket.allowed_origins: "app.example" is not an origin; write scheme://host or scheme://host:port"#,
    ),
    (
        "[websocket]\nengine = 'Own'",
        r#"line 2: websocket.engine: "Own" is not known here; write "own" or "tungstenite""#,
    ),
    (
        "[websocket]\ndangerously_allow_any_origin = 'yes'",
        r#"line 2: websocket.dangerously_allow_any_origin: "yes" is not true or false; write it without quotes"#,
    ),
    (
        "[client.tls]\nca = 'ca.pem'\ncert = 'a.pem'",
        "line 3: client.tls.cert: cert and key go together; name both files",
    ),
    ("[server.tls]\nca = 'ca.pem'", "line 2: server.tls.ca: unknown key; known: cert, key, client_ca"),
    ("[client]\ntls = 'ca.pem'", "line 2: client.tls: is a section, not a value; write its name in brackets"),
    (
        "[quic]\nlane_window = '8 MiB'\nconnection_window = '4 MiB'",
        "line 3: quic.connection_window: 4 MiB is out of range; it must be at least lane_window, 8 MiB",
    ),
    (
        "[quic]\nlane_window = '16 MiB'",
        "line 1: quic.connection_window: 8 MiB is out of range; it must be at least lane_window, 16 MiB",
    ),
];

#[test]
fn every_error_names_its_line_and_key_and_what_to_write() {
    for (text, said) in WRONG {
        assert_eq!(refused(text), *said, "{text}");
    }
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    for (text, line) in
        [("[limits]\nmax_lanes =", "line 2: "), ("a = 1\nb = 2\na = 3", "line 3: "), ("\n\n[x", "line 3: ")]
    {
        let said = refused(text);
        assert!(said.starts_with(line) && said.len() > line.len() && !said.contains('\n'), "{said}");
    }
}

#[test]
fn an_empty_list_of_codecs_is_refused() {
    assert!(refused("codecs = []").starts_with("line 1: codecs: names no codec; known: "));
}

#[test]
fn a_file_is_named_with_its_errors() {
    let file = directory("named").join("linkspan.toml");
    let missing = Config::from_file(&file).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Configuration);
    assert_eq!(missing.to_string(), format!("cannot read {}", file.display()));

    std::fs::write(&file, "# limits\n[limits]\nmax_lanes = -1\n").unwrap();
    let wrong = Config::from_file(&file).unwrap_err();
    let said = format!(
        "{}:3: limits.max_lanes: -1 is not a whole number; write digits without quotes",
        file.display()
    );
    assert_eq!((wrong.kind(), wrong.to_string()), (ErrorKind::Configuration, said));
}

#[tokio::test]
async fn an_endpoint_that_is_missing_is_named_when_it_is_needed() {
    let config = Config::from_toml("[limits]\nmax_lanes = 8").unwrap();
    let said = config.connect().await.unwrap_err().to_string();
    assert_eq!(said, r#"client.endpoint: is missing; write endpoint = "tcp://127.0.0.1:7001" in [client]"#);
    let server = config.server().unwrap().start().await.unwrap_err();
    assert!(server.to_string().contains("`listen` takes endpoints"), "{server}");
}

#[test]
fn a_configuration_inside_another_names_its_key() {
    #[derive(Debug, serde::Deserialize)]
    struct Application {
        name: String,
        linkspan: Config,
    }
    let read = |text: &str| toml::from_str::<Application>(text);

    let application = read("name = 'shop'\n[linkspan.client]\nendpoint = 'mem://shop'").unwrap();
    assert_eq!(application.name, "shop");
    assert_eq!(application.linkspan.endpoint().unwrap().to_string(), "mem://shop");

    let text =
        "name = 'shop'\n[linkspan.client.tls]\nca = 'ca.pem'\ncert = '/etc/client.pem'\nkey = 'client.key'";
    let variables = [("L__CLIENT__TLS__KEY", "here.key")];
    let config =
        read(text).unwrap().linkspan.relative_to("/etc/shop").with_variables("L", variables).unwrap();
    let tls = config.client_tls().unwrap();
    let paths = [&tls.ca, &tls.cert, &tls.key].map(|path| path.as_ref().unwrap().to_str().unwrap());
    assert_eq!(paths, ["/etc/shop/ca.pem", "/etc/client.pem", "here.key"]);

    let said = read("name = 'shop'\n[linkspan.limits]\nmax_lane = 1").unwrap_err().to_string();
    assert!(said.contains("limits.max_lane: unknown key; did you mean `max_lanes`?"), "{said}");
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let text = "codecs = ['postcard']\n[client]\nendpoint = 'ws://h:1/rpc?codec=json'\n\
                [limits]\nping_after = '1500ms'\nmax_bulk_len = '2 MiB'\n[quic]\nidle_timeout = '2m'\n[websocket]";
    let config = Config::from_toml(text).unwrap();
    let json = serde_json::to_string(&config).unwrap();
    let again: Config = serde_json::from_str(&json).unwrap();
    assert_eq!(format!("{again:?}"), format!("{config:?}"));
    assert_eq!(config.limits().max_bulk_len, 2 << 20);
}
