//! What a person asks of a run: by arguments, and by the environment where the standard harness has the arguments.

use std::path::PathBuf;

/// The filter among the arguments that `cargo test` passes on.
pub(super) fn filter(arguments: &[String]) -> Option<&str> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if !argument.starts_with('-') {
            return Some(argument);
        }
        if WITH_VALUE.contains(&argument.as_str()) {
            arguments.next();
        }
    }
    None
}

/// Which promises or columns alone are to run: `LINKSPAN_PROMISE`.
pub(super) fn wanted() -> Option<String> {
    std::env::var("LINKSPAN_PROMISE").ok().filter(|wanted| !wanted.is_empty())
}

/// Where pages are to be written: `LINKSPAN_REPORT`.
pub(super) fn report_directory() -> Option<PathBuf> {
    std::env::var_os("LINKSPAN_REPORT").filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

/// Options of the standard harness that a value follows.
const WITH_VALUE: [&str; 6] = ["--test-threads", "--skip", "--logfile", "--color", "--format", "-Z"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_standard_harness_are_no_filter() {
        let split = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(filter(&split("--nocapture --test-threads 1 --color always")), None);
        assert_eq!(filter(&split("--nocapture cancel -q")), Some("cancel"));
    }
}
