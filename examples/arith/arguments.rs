//! The command line, by hand: the example needs no library for it.

use std::path::PathBuf;

/// What to do.
#[derive(Debug)]
pub enum Command {
    Prove,
    Serve { endpoints: Vec<String> },
    ServeConfigured { file: PathBuf },
    Call(Call),
    CallConfigured { file: PathBuf, call: Call },
    Schema,
    Help,
}

/// A call to make.
#[derive(Debug)]
pub struct Call {
    /// Empty if a file says it.
    pub endpoint: String,
    pub codec: Option<String>,
    pub ca: Option<PathBuf>,
    pub listen: bool,
    pub factors: Option<(i64, i64)>,
}

pub const USAGE: &str = "\
usage: arith                                     serve and call on every road, in one process
       arith serve --endpoint URL...             serve until interrupted, ticking every session
       arith serve --config FILE                 the same, as FILE says
       arith call --endpoint URL [options] A B   multiply A by B
       arith call --config FILE [options] A B    the same, as FILE says; options go before it
       arith schema                              print the JSON Schema of such files

endpoints: tcp://127.0.0.1:7001  ws://127.0.0.1:7002  quic://127.0.0.1:7003
           tls://127.0.0.1:7004  wss://127.0.0.1:7005  unix:///tmp/arith.sock

options of call:
  --codec NAME   json, messagepack or postcard (default: the server picks)
  --ca FILE      trust this certificate authority for tls, wss and quic (default: target/arith-dev/ca.pem)
  --listen       stay, and print what the server pushes";

impl Command {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        match arguments.next().as_deref() {
            None => Ok(Self::Prove),
            Some("serve") => parse_serve(arguments),
            Some("call") => parse_call(arguments),
            Some("schema") => Ok(Self::Schema),
            Some("help" | "--help" | "-h") => Ok(Self::Help),
            Some(other) => Err(format!("unknown command `{other}`")),
        }
    }
}

fn parse_serve(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let arguments: Vec<_> = arguments.collect();
    if let [option, file] = &arguments[..]
        && option == "--config"
    {
        return Ok(Command::ServeConfigured { file: file.into() });
    }
    let mut endpoints = Vec::new();
    let mut expected = false;
    for argument in arguments {
        match argument.as_str() {
            "--endpoint" => expected = true,
            url if expected && !url.starts_with("--") => endpoints.push(argument),
            other => return Err(format!("serve: unexpected `{other}`")),
        }
    }
    if endpoints.is_empty() {
        return Err("serve: name at least one --endpoint URL, or one --config FILE".into());
    }
    Ok(Command::Serve { endpoints })
}

fn parse_call(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut call = Call { endpoint: String::new(), codec: None, ca: None, listen: false, factors: None };
    let mut config = None;
    let mut numbers = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = |name: &str| arguments.next().ok_or(format!("call: {name} needs a value"));
        match argument.as_str() {
            "--endpoint" => call.endpoint = value("--endpoint")?,
            "--config" => config = Some(PathBuf::from(value("--config")?)),
            "--codec" => call.codec = Some(value("--codec")?),
            "--ca" => call.ca = Some(value("--ca")?.into()),
            "--listen" => call.listen = true,
            number => {
                numbers.push(
                    number.parse::<i64>().map_err(|_| format!("call: `{number}` is not a whole number"))?,
                );
            }
        }
    }
    call.factors = match numbers[..] {
        [a, b] => Some((a, b)),
        [] if call.listen => None,
        _ => return Err("call: give the two numbers A and B".into()),
    };
    match config {
        None if call.endpoint.is_empty() => Err("call: name the --endpoint URL, or a --config FILE".into()),
        None => Ok(Command::Call(call)),
        Some(file) if call.endpoint.is_empty() => Ok(Command::CallConfigured { file, call }),
        Some(_) => Err("call: name the --endpoint URL or a --config FILE, not both".into()),
    }
}
