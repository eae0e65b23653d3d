//! The stored inputs: readable files under `corpus/`, and the golden frames.
//!
//! ```text
//! == what is wrong
//! at open                    where the bytes go: see `Stage`; it stays until the next `at`
//! on tcp ws                  roads, if not every one that can carry them; it stays until the next `at`
//! 02 00 33 00                hex; ` ; ` begins a comment
//! "GET / HTTP/1.1\r\n"       text
//! 3 * 02 00 80 00            so many times
//! @hello                     a golden frame
//! end                        the peer sends no more
//! => close 1002              what must come of it, within a second; several with `or`
//! ```

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// One stored input.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// File and name.
    pub(crate) name: String,
    pub(crate) stage: Stage,
    /// The roads it is for; none means all.
    pub(crate) on: Vec<String>,
    pub(crate) bytes: Vec<u8>,
    /// The peer ends its direction behind the bytes.
    pub(crate) ends: bool,
    pub(crate) wants: Vec<Want>,
}

/// Where the bytes of a case go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// On the socket beneath the road.
    Beneath,
    /// As frames of a WebSocket that is open, and on which hellos were exchanged.
    Framed,
    /// Behind the hellos.
    Open,
    /// Instead of the hello.
    Start,
    /// Instead of the hello, and then the peer says nothing more: the handshake's deadline ends it.
    Stall,
    /// As `Stall`, on the socket beneath the road.
    StallBeneath,
}

/// What must come of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A CLOSE with this code.
    Close(u16),
    /// The link ends.
    Ended,
    /// A FAILURE of this call with this code.
    Failure(u64, u64),
    /// It is ignored, and what follows is handled.
    Fine,
    /// An HTTP answer with this status.
    Http(u16),
    /// A WebSocket close frame with this status.
    Status(u16),
    /// A RESPONSE to this call.
    Value(u64),
}

/// Every stored case.
pub(crate) fn cases() -> Vec<Case> {
    let mut files: Vec<_> = fs::read_dir(directory().join("malformed/corpus"))
        .expect("the corpus")
        .map(|entry| entry.expect("a file of it").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

/// The bytes of a golden frame.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    static FRAMES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
        let files = fs::read_dir(directory().join("golden")).expect("the golden frames");
        let frame = |path: &Path| {
            let text = fs::read_to_string(path).expect("a golden frame");
            Some((path.file_stem()?.to_str()?.to_owned(), hex(&text)?))
        };
        files.filter_map(|entry| frame(&entry.expect("a file").path())).collect()
    });
    let found = FRAMES.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no golden frame {name}")).1.clone()
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2))
        .collect()
}

fn read(file: &Path) -> Vec<Case> {
    let group = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = fs::read_to_string(file).expect("a readable file");
    let mut cases: Vec<Case> = Vec::new();
    let (mut stage, mut on, mut begun) = (Stage::Open, Vec::new(), None::<Case>);
    for (number, line) in (1..).zip(text.lines()) {
        let place = format!("{}:{number}", file.display());
        let line = line.trim();
        let line = if line.starts_with('"') { line } else { line.split(" ; ").next().unwrap_or(line).trim() };
        match line.split_once(' ').unwrap_or((line, "")) {
            ("" | "#", _) => {}
            ("at", at) => {
                stage = stage_of(at).unwrap_or_else(|| panic!("{place}: no stage {at}"));
                on.clear();
            }
            ("on", roads) => {
                on = roads.split(' ').map(str::to_owned).collect::<Vec<_>>();
                if let Some(case) = &mut begun {
                    case.on.clone_from(&on);
                }
            }
            ("==", name) => {
                assert!(begun.is_none(), "{place}: the case before says not what it wants");
                let name = format!("{group}: {name}");
                begun = Some(Case {
                    name,
                    stage,
                    on: on.clone(),
                    bytes: Vec::new(),
                    ends: false,
                    wants: Vec::new(),
                });
            }
            ("=>", wants) => {
                let mut case = begun.take().unwrap_or_else(|| panic!("{place}: of no case"));
                case.wants = wants.split(" or ").map(|want| want_of(want).expect(&place)).collect();
                cases.push(case);
            }
            ("end", "") => begun.as_mut().expect(&place).ends = true,
            _ => {
                let bytes = bytes_of(line).unwrap_or_else(|| panic!("{place}: {line}"));
                begun.as_mut().expect(&place).bytes.extend(bytes);
            }
        }
    }
    assert!(begun.is_none(), "{}: the last case says not what it wants", file.display());
    cases
}

fn stage_of(text: &str) -> Option<Stage> {
    Some(match text {
        "beneath" => Stage::Beneath,
        "framed" => Stage::Framed,
        "open" => Stage::Open,
        "start" => Stage::Start,
        "stall" => Stage::Stall,
        "stall beneath" => Stage::StallBeneath,
        _ => return None,
    })
}

fn want_of(text: &str) -> Option<Want> {
    let mut words = text.split(' ');
    let want = words.next()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    Some(match want {
        "close" => Want::Close(number()?.try_into().ok()?),
        "ended" => Want::Ended,
        "failure" => Want::Failure(number()?, number()?),
        "fine" => Want::Fine,
        "http" => Want::Http(number()?.try_into().ok()?),
        "status" => Want::Status(number()?.try_into().ok()?),
        "value" => Want::Value(number()?),
        _ => return None,
    })
}

fn bytes_of(line: &str) -> Option<Vec<u8>> {
    if let Some((times, rest)) = line.split_once(" * ")
        && let Ok(times) = times.parse::<usize>()
    {
        return Some(bytes_of(rest)?.repeat(times));
    }
    if let Some(name) = line.strip_prefix('@') {
        return Some(golden(name));
    }
    if let Some(text) = line.strip_prefix('"') {
        return Some(unescape(text.strip_suffix('"')?).into_bytes());
    }
    hex(line)
}

fn unescape(text: &str) -> String {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")
}
