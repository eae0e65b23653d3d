//! Drawing: the few shapes that plots need, in the colours of the page they stand on.

use std::fmt::Write;

/// What a shape means, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    ByHand,
    Faint,
    Linkspan,
    Missed,
    Muted,
    Peer,
    Strong,
}

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    End,
    Start,
}

/// A drawing.
#[derive(Clone, Debug, Default)]
pub(super) struct Svg {
    shapes: String,
}

// Writing to a string cannot fail, so what it returns says nothing.
impl Svg {
    pub(super) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), tone: Tone) {
        let class = tone.class();
        let _ = writeln!(
            self.shapes,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}" rx="2"/>"#,
            width.max(1.0)
        );
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), tone: Tone) {
        let ((x1, y1), (x2, y2), class) = (from, to, tone.class());
        let _ = writeln!(
            self.shapes,
            r#"<line class="line-{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), text: &str, style: (u32, Tone, Anchor)) {
        let (size, tone, anchor) = style;
        let class = tone.class();
        let weight = if tone == Tone::Strong { r#" font-weight="600""# } else { "" };
        let anchor = match anchor {
            Anchor::End => "end",
            Anchor::Start => "start",
        };
        let _ = writeln!(
            self.shapes,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}"{weight}>{}</text>"#,
            escaped(text)
        );
    }

    /// The whole file.
    pub(super) fn finish(self, (width, height): (f64, f64), title: &str) -> String {
        let title = escaped(title);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" role="img">
<title>{title}</title>
<style>{STYLE}</style>
<rect class="page" width="100%" height="100%" rx="8"/>
{}</svg>
"#,
            self.shapes
        )
    }
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::ByHand => "hand",
            Self::Faint => "faint",
            Self::Linkspan => "linkspan",
            Self::Missed => "missed",
            Self::Muted => "muted",
            Self::Peer => "peer",
            Self::Strong => "strong",
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Light, and dark where the reader's page is.
const STYLE: &str = "
.page{fill:#ffffff}.strong{fill:#1f2328}.muted{fill:#59636e}.faint{fill:#d8dee4}
.hand{fill:#8c959f}.linkspan{fill:#0969da}.peer{fill:#d4873a}.missed{fill:#cf222e}
.line-faint{stroke:#d8dee4}.line-muted{stroke:#59636e}.line-strong{stroke:#1f2328}
@media (prefers-color-scheme: dark){
.page{fill:#0d1117}.strong{fill:#f0f6fc}.muted{fill:#9198a1}.faint{fill:#30363d}
.hand{fill:#6e7681}.linkspan{fill:#4493f8}.peer{fill:#c9783a}.missed{fill:#f85149}
.line-faint{stroke:#30363d}.line-muted{stroke:#9198a1}.line-strong{stroke:#f0f6fc}
}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_shapes_are_closed() {
        let mut svg = Svg::default();
        svg.text((1.0, 2.0), "a < b & \"c\"", (11, Tone::Strong, Anchor::End));
        svg.bar((0.0, 0.0), (0.0, 4.0), Tone::Peer);
        svg.line((0.0, 0.0), (1.0, 1.0), Tone::Faint);
        let file = svg.finish((100.0, 50.0), "x > y");
        assert!(file.contains("a &lt; b &amp; &quot;c&quot;</text>"), "{file}");
        assert!(file.contains("<title>x &gt; y</title>"), "{file}");
        assert!(file.contains(r#"width="1.0" height="4.0""#), "a bar of nothing is still seen: {file}");
        let opened = file.matches('<').count() - file.matches("</").count();
        assert_eq!(opened, file.matches("/>").count() + file.matches("</").count(), "{file}");
    }
}
