//! The `<picture>` element as HTML. All values are escaped here, and nowhere else.

use std::borrow::Cow;
use std::fmt::Write;

/// A `<picture>` element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PictureElement {
    pub(super) sources: Vec<SourceElement>,
    pub(super) image: ImageElement,
}

/// A `<source>` element: the candidates in one format.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SourceElement {
    pub(super) media_type: &'static str,
    pub(super) candidates: Candidates,
}

/// An `<img>` element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImageElement {
    pub(super) url: String,
    /// `None` if the URL is the only candidate.
    pub(super) candidates: Option<Candidates>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) alt: String,
    pub(super) loading: Loading,
    /// The value of the CSS property `background`.
    pub(super) background: Option<String>,
}

/// The attributes `srcset` and `sizes`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    /// Ascending by width, without duplicate widths.
    pub(super) list: Vec<Candidate>,
    pub(super) sizes: String,
}

/// One image of `srcset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// A URL without spaces and commas, which `srcset` uses as separators.
    pub(super) url: String,
    /// Width in pixels.
    pub(super) width: u32,
}

/// When the browser requests the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loading {
    /// When the image is close to the viewport.
    Lazy,
    /// Immediately, before other images.
    Eager,
}

impl PictureElement {
    /// Returns the HTML, with a line feed at the end of each line.
    pub(super) fn to_html(&self) -> String {
        let mut html = String::from("<picture>\n");
        for SourceElement { media_type, candidates } in &self.sources {
            html += "  <source";
            attribute(&mut html, "type", media_type);
            candidates.write(&mut html);
            html += ">\n";
        }
        let ImageElement { url, candidates, width, height, alt, loading, background } = &self.image;
        html += "  <img";
        attribute(&mut html, "src", url);
        if let Some(candidates) = candidates {
            candidates.write(&mut html);
        }
        attribute(&mut html, "width", &width.to_string());
        attribute(&mut html, "height", &height.to_string());
        attribute(&mut html, "alt", alt);
        match loading {
            Loading::Lazy => attribute(&mut html, "loading", "lazy"),
            Loading::Eager => attribute(&mut html, "fetchpriority", "high"),
        }
        attribute(&mut html, "decoding", "async");
        if let Some(background) = background {
            attribute(&mut html, "style", &format!("background:{background}"));
        }
        html += ">\n</picture>\n";
        html
    }
}

impl Candidates {
    fn write(&self, html: &mut String) {
        let list: Vec<String> = self.list.iter().map(|Candidate { url, width }| format!("{url} {width}w")).collect();
        attribute(html, "srcset", &list.join(", "));
        attribute(html, "sizes", &self.sizes);
    }
}

fn attribute(html: &mut String, name: &str, value: &str) {
    write!(html, " {name}=\"{}\"", escape(value)).expect("writing to a String does not fail");
}

/// Escapes the characters that end an attribute or begin a character reference, and those that begin or end a tag.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    // The ampersand first, because the other replacements contain it.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Cow::Owned(text.replace('"', "&quot;").replace('\'', "&#39;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(urls: &[(&str, u32)]) -> Candidates {
        let list = urls.iter().map(|(url, width)| Candidate { url: (*url).to_owned(), width: *width }).collect();
        Candidates { list, sizes: "100vw".into() }
    }

    fn picture() -> PictureElement {
        PictureElement {
            sources: vec![SourceElement {
                media_type: "image/avif",
                candidates: candidates(&[("a.avif", 320), ("b.avif", 640)]),
            }],
            image: ImageElement {
                url: "b.jpg".into(),
                candidates: Some(candidates(&[("a.jpg", 320), ("b.jpg", 640)])),
                width: 640,
                height: 427,
                alt: String::new(),
                loading: Loading::Lazy,
                background: Some("#0a80ff".into()),
            },
        }
    }

    #[test]
    fn element_has_a_source_for_each_format_and_an_image() {
        let expected = r#"<picture>
  <source type="image/avif" srcset="a.avif 320w, b.avif 640w" sizes="100vw">
  <img src="b.jpg" srcset="a.jpg 320w, b.jpg 640w" sizes="100vw" width="640" height="427" alt="" loading="lazy" decoding="async" style="background:#0a80ff">
</picture>
"#;
        assert_eq!(picture().to_html(), expected);
    }

    #[test]
    fn eager_image_has_no_lazy_loading() {
        let mut picture = picture();
        picture.image.loading = Loading::Eager;
        let html = picture.to_html();
        assert!(html.contains(r#" fetchpriority="high" decoding"#) && !html.contains("loading"), "{html}");
    }

    #[test]
    fn every_attribute_is_escaped() {
        let hostile = r#""'><script>&lt;"#;
        let escaped = "&quot;&#39;&gt;&lt;script&gt;&amp;lt;";
        let mut picture = picture();
        let candidates = |list| Candidates { list, sizes: hostile.into() };
        let candidate = Candidate { url: hostile.into(), width: 1 };
        picture.sources[0].candidates = candidates(vec![candidate.clone()]);
        picture.image.candidates = Some(candidates(vec![candidate]));
        picture.image.url = hostile.into();
        picture.image.alt = hostile.into();
        picture.image.background = Some(hostile.into());
        let html = picture.to_html();
        assert_eq!(html.matches(escaped).count(), 7, "{html}");
        assert_eq!(html.matches(['<', '>']).count(), 8, "{html}");
    }
}
