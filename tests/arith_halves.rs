//! The arith example as a user meets it: a server in one terminal, calls from another.
#![cfg(all(
    feature = "config",
    feature = "memory",
    feature = "tcp",
    feature = "websocket",
    feature = "quic",
    feature = "tls"
))]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what fails here fails the test")]

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use linkspan::Endpoint;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const ROADS: [&str; 5] = ["tcp", "tls", "ws", "wss", "quic"];
const CODECS: [&str; 3] = ["json", "messagepack", "postcard"];
const PATIENCE: Duration = Duration::from_secs(60);

/// The example, which `cargo test` builds beside the tests.
fn arith(directory: &Path) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(format!("arith{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "first: cargo build --example arith");
    let mut command = Command::new(program);
    command.current_dir(directory).kill_on_drop(true).stdin(Stdio::null());
    command
}

/// A directory for the certificate authority that the serving half leaves.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory); // of an earlier run
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The serving half, and what it prints.
struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    endpoints: Vec<Endpoint>,
}

impl Serving {
    async fn start(directory: &Path) -> Self {
        let endpoints = ROADS.map(|road| ["--endpoint".to_owned(), format!("{road}://127.0.0.1:0")]);
        Self::start_with(directory, endpoints.as_flattened()).await
    }

    /// With `arguments` that name every road.
    async fn start_with(directory: &Path, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        let mut command = arith(directory);
        command.arg("serve").args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut endpoints = Vec::new();
        while endpoints.len() < ROADS.len() {
            let line = lines.next_line().await.unwrap().expect("the server serves");
            if let Some(url) = line.strip_prefix("listening on ") {
                endpoints.push(url.parse().unwrap());
            }
        }
        Self { child, lines, endpoints }
    }

    /// Interrupts it as the terminal does, and returns what else it said before it ended well.
    #[cfg(unix)]
    async fn interrupt(mut self) -> Vec<String> {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let mut said = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            said.push(line);
        }
        assert!(self.child.wait().await.unwrap().success());
        said
    }
}

async fn call(directory: &Path, endpoint: &Endpoint, codec: &str) -> Result<String, String> {
    let mut command = arith(directory);
    command.args(["call", "--endpoint", &endpoint.to_string(), "--codec", codec, "6", "7"]);
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn assert_free(endpoint: &Endpoint) {
    let address = endpoint.authority().unwrap();
    let bound = match endpoint.scheme() {
        "quic" => UdpSocket::bind(address).map(drop),
        _ => TcpListener::bind(address).map(drop),
    };
    assert!(bound.is_ok(), "{endpoint} is still taken: {bound:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn two_terminals_multiply_over_every_road_and_leave_nothing_behind() {
    let directory = directory("arith-halves");
    let proven = timeout(PATIENCE, async {
        let serving = Serving::start(&directory).await;
        let endpoints = serving.endpoints.clone();
        for endpoint in &endpoints {
            for codec in CODECS {
                assert_eq!(
                    call(&directory, endpoint, codec).await.as_deref(),
                    Ok("42\n"),
                    "{endpoint} {codec}"
                );
            }
        }
        let said = serving.interrupt().await;
        for road in ROADS {
            for codec in CODECS {
                let connected = format!(" over {road} in {codec}");
                assert_eq!(said.iter().filter(|line| line.ends_with(&connected)).count(), 1, "{said:#?}");
            }
        }
        let closed = said.iter().filter(|line| line.starts_with("- ")).count();
        assert_eq!(closed, ROADS.len() * CODECS.len(), "{said:#?}");
        endpoints.iter().for_each(assert_free);
    });
    proven.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_frees_its_ports_and_callers_are_told() {
    let directory = directory("arith-killed");
    let proven = timeout(PATIENCE, async {
        let mut serving = Serving::start(&directory).await;
        serving.child.kill().await.unwrap();
        serving.endpoints.iter().for_each(assert_free);
        let tcp = &serving.endpoints[0];
        let told = call(&directory, tcp, "json").await.unwrap_err();
        assert!(told.starts_with("arith: ") && told.contains(&tcp.authority().unwrap()), "{told}");
    });
    proven.await.unwrap();
}

/// The example's own file, on free ports.
fn sample() -> String {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/arith/linkspan.toml");
    let text = std::fs::read_to_string(sample).unwrap();
    let (text, ports) = (1..=9).fold((text, 0), |(text, ports), digit| {
        let port = format!(":700{digit}");
        (text.replace(&port, ":0"), ports + text.matches(&port).count())
    });
    assert_eq!(ports, ROADS.len() + 1, "a port for each road, and the client's");
    text
}

#[tokio::test]
async fn one_file_drives_both_halves_and_one_line_of_it_changes_the_road() {
    let directory = directory("arith-configured");
    let proven = timeout(PATIENCE, async {
        let sample = sample();
        let file = directory.join("linkspan.toml");
        std::fs::write(&file, &sample).unwrap();
        let serving = Serving::start_with(&directory, &["--config", "linkspan.toml"]).await;
        let call = || {
            let mut command = arith(&directory);
            command.args(["call", "--config", "linkspan.toml", "6", "7"]);
            command
        };
        for endpoint in &serving.endpoints {
            let mut overridden = call();
            overridden.env("LINKSPAN__CLIENT__ENDPOINT", endpoint.to_string());
            let output = overridden.output().await.unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n", "{endpoint} {output:?}");

            let line =
                sample.replace("endpoint = \"tcp://127.0.0.1:0\"", &format!("endpoint = \"{endpoint}\""));
            assert_ne!(line, sample);
            std::fs::write(&file, line).unwrap();
            let output = call().output().await.unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n", "{endpoint} {output:?}");
        }
        let tls = &serving.endpoints[1];
        let mut elsewhere = call();
        elsewhere.env("LINKSPAN__CLIENT__ENDPOINT", tls.to_string()).args(["--ca", "target/elsewhere.pem"]);
        let output = elsewhere.output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("target/elsewhere.pem") && output.stdout.is_empty(), "{told}");

        std::fs::write(&file, "[limits]\ncall_timeout = 5\n").unwrap();
        let output = call().output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.starts_with("arith: linkspan.toml:2: limits.call_timeout: 5 is not a duration"),
            "{told}"
        );
        assert!(!output.status.success());
    });
    proven.await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn options_of_a_call_go_before_its_file() {
    let directory = directory("arith-options");
    let proven = timeout(PATIENCE, async {
        std::fs::write(directory.join("linkspan.toml"), sample()).unwrap();
        let serving = Serving::start_with(&directory, &["--config", "linkspan.toml"]).await;
        let call = |options: &[&str]| {
            let mut command = arith(&directory);
            command.args(["call", "--config", "linkspan.toml"]).args(options);
            command.env("LINKSPAN__CLIENT__ENDPOINT", serving.endpoints[0].to_string());
            command.stdout(Stdio::piped());
            command
        };
        let output = call(&["--codec", "json", "6", "7"]).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n", "{output:?}");

        let mut listening = call(&["--listen", "6", "7"]).spawn().unwrap();
        let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("42"));
        assert!(lines.next_line().await.unwrap().is_some_and(|line| line.contains("Tick")));
        listening.kill().await.unwrap();

        let output = call(&["--endpoint", "tcp://127.0.0.1:1", "6", "7"]).output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.starts_with("arith: call: name the --endpoint URL or a --config FILE, not both"),
            "{told}"
        );

        let said = serving.interrupt().await;
        assert!(said.iter().any(|line| line.ends_with(" over tcp in json")), "{said:#?}");
        assert!(said.iter().any(|line| line.ends_with(" over tcp in postcard")), "{said:#?}");
    });
    proven.await.unwrap();
}

#[tokio::test]
async fn the_schema_of_a_file_is_printed() {
    let directory = directory("arith-schema");
    let output = timeout(PATIENCE, arith(&directory).arg("schema").output()).await.unwrap().unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, linkspan::config::Config::schema());
}

#[tokio::test]
async fn one_process_proves_every_road_and_codec() {
    let directory = directory("arith-proof");
    let output = timeout(PATIENCE, arith(&directory).output()).await.unwrap().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.ends_with("21 of 21 right\n"), "{printed}");
}
