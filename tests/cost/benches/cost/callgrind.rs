//! Runs a program under callgrind, and reads what it wrote: the "callgrind profile format" of valgrind's manual.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::loads::Failure;

/// What was executed between the measured function's entry and its return.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    functions: HashMap<u64, Function>,
}

#[derive(Debug, Default)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Instructions of its own, those of what it calls left out.
    pub(crate) own: u64,
    /// Per function that it calls: how often, and the instructions until it returned.
    calls: HashMap<u64, (u64, u64)>,
}

/// Runs `program` with `arguments`, counts while it is in the function called `measured`, and leaves the profile in `file`.
pub(crate) fn run(
    valgrind: &Path,
    program: &Path,
    arguments: &[&str],
    measured: &str,
    file: &Path,
) -> Result<Profile, Failure> {
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--quiet", "--error-exitcode=1"])
        .arg(format!("--toggle-collect=*{measured}*"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Profile::parse(&fs::read_to_string(file)?))
}

impl Profile {
    fn parse(text: &str) -> Self {
        let mut profile = Self::default();
        let (mut function, mut callee) = (0, 0);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = profile.named(name);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = profile.named(name);
            } else if let Some(calls) = line.strip_prefix("calls=") {
                // The line behind it has what the calls cost.
                let count = calls.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
                let cost = lines.next().and_then(cost_of).unwrap_or(0);
                let entry = profile.functions.entry(function).or_default().calls.entry(callee).or_default();
                *entry = (entry.0 + count, entry.1 + cost);
            } else if let Some(cost) = cost_of(line) {
                profile.functions.entry(function).or_default().own += cost;
            }
        }
        profile
    }

    /// `(7) name` at first, `(7)` from then on.
    fn named(&mut self, reference: &str) -> u64 {
        let (id, name) = reference.split_once(')').unwrap_or((reference, ""));
        let id = id.trim_start_matches('(').parse().unwrap_or(0);
        let function = self.functions.entry(id).or_default();
        if !name.is_empty() {
            name.trim().clone_into(&mut function.name);
        }
        id
    }

    /// Every instruction.
    pub(crate) fn total(&self) -> u64 {
        self.functions.values().map(|function| function.own).sum()
    }

    /// Instructions until the function with `part` in its name returned; what is in its closures is within.
    pub(crate) fn inclusive(&self, part: &str) -> u64 {
        self.edges(|name| name.contains(part) && !name.contains("closure"))
            .map(|(_, instructions)| instructions)
            .sum()
    }

    /// Calls of the function called `name`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.edges(|callee| callee == name).map(|(count, _)| count).sum()
    }

    fn edges(&self, is_callee: impl Fn(&str) -> bool) -> impl Iterator<Item = (u64, u64)> {
        let callers = self.functions.values().filter({
            let is_callee = &is_callee;
            move |caller| !is_callee(&caller.name)
        });
        let edges: Vec<_> = callers
            .flat_map(|caller| &caller.calls)
            .filter(|(callee, _)| self.functions.get(callee).is_some_and(|callee| is_callee(&callee.name)))
            .map(|(_, edge)| *edge)
            .collect();
        edges.into_iter()
    }

    /// The functions with the most instructions of their own, from the top.
    pub(crate) fn top(&self, many: usize) -> Vec<&Function> {
        let mut functions: Vec<_> = self.functions.values().collect();
        functions.sort_by_key(|function| std::cmp::Reverse(function.own));
        functions.truncate(many);
        functions
    }
}

/// The last number of a line of costs: `+3 17`. A line without a cost, or of another kind, has none.
fn cost_of(line: &str) -> Option<u64> {
    let is_position = line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
    let (_, cost) = line.split_once(' ').filter(|_| is_position)?;
    cost.trim().parse().ok()
}
