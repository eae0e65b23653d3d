//! Every text file of the repository.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::workspace::root;

/// One text file.
pub(crate) struct Source {
    /// Below the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every text file of the repository; what git and cargo make is left out.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let mut found = Vec::new();
        collect(root(), &mut found);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        found
    });
    &SOURCES
}

/// The Rust files.
pub(crate) fn rust() -> impl Iterator<Item = &'static Source> {
    sources().iter().filter(|source| source.path.ends_with(".rs"))
}

fn collect(directory: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).expect("a directory of the repository") {
        let path = entry.expect("an entry of it").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == ".git" || name == "target" || path.join("CACHEDIR.TAG").exists() {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

impl Source {
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// True if the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.file_name() == "tests.rs" || self.path.split('/').any(|part| part == "tests")
    }

    /// The lines of library code, comments left out.
    pub(crate) fn library(&self) -> impl Iterator<Item = &str> {
        let end = if self.is_test() { 0 } else { self.tests_begin() };
        self.text.lines().take(end).filter(|line| !is_comment(line))
    }

    /// The lines of test code, comments left out.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &str> {
        let begin = if self.is_test() { 0 } else { self.tests_begin() };
        self.text.lines().skip(begin).filter(|line| !is_comment(line))
    }

    /// Where the file's module of tests begins: it stands last.
    fn tests_begin(&self) -> usize {
        let lines: Vec<_> = self.text.lines().collect();
        let module = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].ends_with('{');
        lines.windows(2).position(module).unwrap_or(lines.len())
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Asserts that what breaks a rule is exactly what is listed with a reason.
pub(crate) fn assert_listed(rule: &str, found: &[String], listed: &[(&str, &str)]) {
    let unlisted: Vec<_> =
        found.iter().filter(|name| listed.iter().all(|(known, _)| known != name)).collect();
    assert!(unlisted.is_empty(), "{rule}:\n{unlisted:#?}");
    let needless: Vec<_> =
        listed.iter().filter(|(known, _)| found.iter().all(|name| name != known)).collect();
    assert!(needless.is_empty(), "{rule}: these exceptions are no longer needed:\n{needless:#?}");
}
