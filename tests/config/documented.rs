//! The guide's page about configuration is current.

use std::fmt::Write as _;
use std::path::PathBuf;

use linkspan::config::Config;

const BEGIN: &str = "<!-- every key: written by tests/config/documented.rs -->\n";
const END: &str = "<!-- end of every key -->\n";

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/guide/configuration.md")
}

/// The whole files that the page and the README show, with their place.
pub(crate) fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for name in ["docs/guide/configuration.md", "README.md"] {
        let text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        for (index, block) in text.split("```toml\n").skip(1).enumerate() {
            let block = block.split("```").next().unwrap();
            if !block.starts_with("[dependencies]") {
                files.push((format!("{name}, block {index}"), block.to_owned()));
            }
        }
    }
    assert!(files.len() >= 2, "{files:?}");
    files
}

/// Every section and key, as Markdown.
fn reference() -> String {
    let mut text = String::new();
    for section in Config::sections() {
        let title = if section.name.is_empty() {
            "Above all tables".to_owned()
        } else {
            format!("`[{}]`", section.name)
        };
        writeln!(text, "\n### {title}\n\n{}\n", section.about).unwrap();
        writeln!(text, "| key | takes | default | from | to |\n|---|---|---|---|---|").unwrap();
        for setting in &section.settings {
            let (low, high) = setting.range.as_ref().map_or((String::new(), String::new()), |(low, high)| {
                (format!("`{low}`"), format!("`{high}`"))
            });
            let default =
                if setting.default.is_present() { format!("`{}`", setting.default) } else { String::new() };
            writeln!(text, "| `{}` | {} | {default} | {low} | {high} |", setting.name, setting.kind.name())
                .unwrap();
        }
        for setting in &section.settings {
            let mut paragraphs = setting.documentation.trim().split("\n\n");
            writeln!(text, "\n- **`{}`** {}", setting.name, indented(paragraphs.next().unwrap())).unwrap();
            for paragraph in paragraphs {
                writeln!(text, "\n  {}", indented(paragraph)).unwrap();
            }
        }
    }
    text + "\n"
}

fn indented(paragraph: &str) -> String {
    paragraph.replace('\n', "\n  ")
}

/// Run with `LINKSPAN_WRITE=1` to bring the page up to date.
#[test]
fn the_page_lists_every_key_as_the_code_has_it() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (listed, after) = rest.split_once(END).unwrap();
    if std::env::var_os("LINKSPAN_WRITE").is_some() {
        std::fs::write(page(), [before, BEGIN, &reference(), END, after].concat()).unwrap();
    } else {
        assert_eq!(listed, reference(), "run this test with LINKSPAN_WRITE=1");
    }
}

#[test]
fn every_file_that_is_shown_is_right() {
    for (place, text) in files() {
        if let Err(error) = crate::checked(&text) {
            panic!("{place}: {error}");
        }
    }
}
