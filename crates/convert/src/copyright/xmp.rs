//! The copyright fields of XMP: properties of Dublin Core, Photoshop and XMP Rights Management.

use std::fmt::Write;

use roxmltree::Node;

use super::limited;
use crate::xmp::{RDF, array_items, parse};

const DC: &str = "http://purl.org/dc/elements/1.1/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const RIGHTS: &str = "http://ns.adobe.com/xap/1.0/rights/";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The language of a text that has no other language (XMP specification, part 1, 8.2.2.4).
const DEFAULT_LANGUAGE: &str = "x-default";

/// The values of the fields. A field that is missing or blank is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct XmpFields {
    /// `dc:creator`.
    pub(super) creators: Vec<String>,
    /// `dc:rights`: the copyright notice.
    pub(super) notice: Vec<LanguageText>,
    /// `photoshop:Credit`.
    pub(super) credit: Option<String>,
    /// `xmpRights:UsageTerms`.
    pub(super) usage_terms: Vec<LanguageText>,
    /// `xmpRights:WebStatement`: the address of a page with the usage terms. Google Images shows the badge "licensable" for an
    /// image with this property.
    pub(super) web_statement: Option<String>,
    /// `xmpRights:Marked`: whether the image is protected by copyright.
    pub(super) is_marked: Option<bool>,
}

/// A text in one of several languages.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LanguageText {
    language: String,
    text: String,
}

impl XmpFields {
    /// Reads the fields of a packet.
    ///
    /// # Errors
    /// Returns the reason if the packet cannot be parsed.
    pub(crate) fn read(packet: &[u8]) -> Result<Self, &'static str> {
        let document = parse(packet)?;
        // Other descriptions are inside properties. They may describe other images, from which this one was made.
        let rdf = document.descendants().find(|node| node.has_tag_name((RDF, "RDF")));
        let descriptions = rdf.into_iter().flat_map(|rdf| rdf.children());
        let descriptions: Vec<_> = descriptions.filter(|node| node.has_tag_name((RDF, "Description"))).collect();
        let find = |namespace, name| descriptions.iter().find_map(|node| Property::find(*node, (namespace, name)));
        let text = |namespace, name| find(namespace, name).and_then(Property::text);
        let languages = |namespace, name| find(namespace, name).map(Property::languages).unwrap_or_default();
        Ok(Self {
            creators: find(DC, "creator").map(Property::texts).unwrap_or_default(),
            notice: languages(DC, "rights"),
            credit: text(PHOTOSHOP, "Credit"),
            usage_terms: languages(RIGHTS, "UsageTerms"),
            web_statement: text(RIGHTS, "WebStatement"),
            is_marked: text(RIGHTS, "Marked").and_then(|text| text.to_ascii_lowercase().parse().ok()),
        })
    }

    /// Returns these fields. The others replace those that are empty.
    pub(crate) fn or(self, others: Self) -> Self {
        let or = |texts: Vec<LanguageText>, others| if texts.is_empty() { others } else { texts };
        Self {
            creators: if self.creators.is_empty() { others.creators } else { self.creators },
            notice: or(self.notice, others.notice),
            credit: self.credit.or(others.credit),
            usage_terms: or(self.usage_terms, others.usage_terms),
            web_statement: self.web_statement.or(others.web_statement),
            is_marked: self.is_marked.or(others.is_marked),
        }
    }

    /// Sets the copyright notice to a text without a language.
    pub(super) fn set_notice(&mut self, text: String) {
        self.notice = vec![LanguageText { language: DEFAULT_LANGUAGE.into(), text }];
    }

    /// Writes a packet that contains only these fields, or `None` if there are none.
    ///
    /// # Errors
    /// Returns the reason if the packet is too large.
    pub(crate) fn write(&self) -> Result<Option<Vec<u8>>, &'static str> {
        if *self == Self::default() {
            return Ok(None);
        }
        let properties = [
            array("dc:creator", "Seq", self.creators.iter().map(|text| (None, &text[..]))),
            language_array("dc:rights", &self.notice),
            simple("photoshop:Credit", self.credit.as_deref()),
            language_array("xmpRights:UsageTerms", &self.usage_terms),
            simple("xmpRights:WebStatement", self.web_statement.as_deref()),
            simple("xmpRights:Marked", self.is_marked.map(|is_marked| if is_marked { "True" } else { "False" })),
        ];
        // The byte order mark and the identifier are fixed (XMP specification, part 1, 7.3.2).
        let packet = format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{RDF}\"><rdf:Description rdf:about=\"\" \
             xmlns:dc=\"{DC}\" xmlns:photoshop=\"{PHOTOSHOP}\" xmlns:xmpRights=\"{RIGHTS}\">{}</rdf:Description>\
             </rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>",
            properties.concat()
        );
        limited(packet.into_bytes()).map(Some)
    }
}

/// A property of a description (XMP specification, part 1, 7.5 to 7.9).
#[derive(Clone, Copy)]
enum Property<'tree, 'text> {
    /// The value of an attribute.
    Attribute(&'tree str),
    Element(Node<'tree, 'text>),
}

impl<'tree, 'text> Property<'tree, 'text> {
    fn find(description: Node<'tree, 'text>, name: (&'static str, &'static str)) -> Option<Self> {
        let element = || description.children().find(|child| child.has_tag_name(name));
        description.attribute(name).map(Self::Attribute).or_else(|| element().map(Self::Element))
    }

    /// Returns the value of a property with one value. Of an array, returns the first item.
    fn text(self) -> Option<String> {
        self.texts().into_iter().next()
    }

    /// Returns the values of an array, or the only value.
    fn texts(self) -> Vec<String> {
        self.languages().into_iter().map(|text| text.text).collect()
    }

    /// Returns the values of an array with their languages, or the only value.
    fn languages(self) -> Vec<LanguageText> {
        let texts: Vec<_> = match self {
            Self::Attribute(value) => vec![LanguageText { language: DEFAULT_LANGUAGE.into(), text: value.into() }],
            Self::Element(element) => match array_items(element) {
                Some(items) => items.map(LanguageText::read).collect(),
                None => vec![LanguageText::read(element)],
            },
        };
        let trimmed = texts
            .into_iter()
            .map(|LanguageText { language, text }| LanguageText { language, text: text.trim().into() });
        trimmed.filter(|text| !text.text.is_empty()).collect()
    }
}

impl LanguageText {
    fn read(element: Node<'_, '_>) -> Self {
        // A language is a tag such as `en-US` (RFC 3066).
        let is_language = |text: &&str| {
            (1..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let language = element.attribute((XML, "lang")).filter(is_language).unwrap_or(DEFAULT_LANGUAGE);
        Self { language: language.into(), text: element_text(element) }
    }
}

/// Returns the value of an element: an address (`rdf:resource`), the value without its qualifiers (`rdf:value`), or its text.
fn element_text(element: Node<'_, '_>) -> String {
    let attribute = |node: Node<'_, '_>, name| node.attribute((RDF, name)).map(str::to_owned);
    let text =
        |node: Node<'_, '_>| node.children().filter_map(|child| child.text().filter(|_| child.is_text())).collect();
    // The qualifiers are in the element (`rdf:parseType="Resource"`) or in a description in it.
    let inner = element.children().find(|child| child.has_tag_name((RDF, "Description"))).unwrap_or(element);
    let value = || inner.children().find(|child| child.has_tag_name((RDF, "value"))).map(text);
    attribute(element, "resource").or_else(|| attribute(inner, "value")).or_else(value).unwrap_or_else(|| text(element))
}

fn simple(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!("<{name}>{}</{name}>", escape(value))).unwrap_or_default()
}

fn language_array(name: &str, texts: &[LanguageText]) -> String {
    array(name, "Alt", texts.iter().map(|LanguageText { language, text }| (Some(&language[..]), &text[..])))
}

/// Writes an array of texts, each with or without a language.
fn array<'a>(name: &str, kind: &str, texts: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> String {
    let items = texts.fold(String::new(), |mut items, (language, text)| {
        let language = language.map(|language| format!(" xml:lang=\"{}\"", escape(language))).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(items, "<rdf:li{language}>{}</rdf:li>", escape(text));
        items
    });
    if items.is_empty() { items } else { format!("<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>") }
}

/// Escapes a text for an element or an attribute (XML 1.0, 2.4). A parser would replace a carriage return by a line feed.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\r', "&#xD;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(attributes: &str, elements: &str) -> String {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='{RDF}' xmlns:d='{DC}' xmlns:p='{PHOTOSHOP}' \
             xmlns:r='{RIGHTS}' xmlns:o='urn:other'><rdf:Description {attributes}>{elements}</rdf:Description></rdf:RDF>\
             </x:xmpmeta>"
        )
    }

    fn read(attributes: &str, elements: &str) -> XmpFields {
        XmpFields::read(packet(attributes, elements).as_bytes()).unwrap()
    }

    fn text(language: &str, text: &str) -> LanguageText {
        LanguageText { language: language.into(), text: text.into() }
    }

    fn all_fields() -> XmpFields {
        XmpFields {
            creators: vec!["Ann \"A\" Lee".into(), "B & Co".into()],
            notice: vec![text("x-default", "© <Ann>"), text("de-CH", "© Ann\rLee]]>")],
            credit: Some("Ann/Agency".into()),
            usage_terms: vec![text("x-default", "Ask first")],
            web_statement: Some("https://example.com/?a=1&b=2".into()),
            is_marked: Some(true),
        }
    }

    #[test]
    fn written_fields_are_read_back() {
        let packet = all_fields().write().unwrap().unwrap();
        assert_eq!(XmpFields::read(&packet), Ok(all_fields()));
        assert_eq!(XmpFields::default().write(), Ok(None));
    }

    #[test]
    fn attributes_elements_arrays_and_addresses_are_read() {
        let attributes = "p:Credit='Agency' r:Marked='true' r:WebStatement='https://example.com' d:creator='Ann'";
        let fields = read(attributes, "");
        assert_eq!(
            (fields.creators, fields.credit, fields.is_marked),
            (vec!["Ann".into()], Some("Agency".into()), Some(true))
        );
        assert_eq!(fields.web_statement.as_deref(), Some("https://example.com"));

        let elements = "<d:creator><rdf:Bag><rdf:li>A&amp;B<!-- comment --> C</rdf:li><rdf:li> </rdf:li>\
            <rdf:li><![CDATA[<D>]]></rdf:li></rdf:Bag></d:creator><d:rights xml:lang='fr'> Droits </d:rights>\
            <r:UsageTerms><rdf:Alt><rdf:li xml:lang='x-default'>Ask</rdf:li><rdf:li xml:lang='a \"b'>Ask too</rdf:li></rdf:Alt>\
            </r:UsageTerms><r:WebStatement rdf:resource='https://example.com'/><r:Marked>maybe</r:Marked>";
        let fields = read("", elements);
        assert_eq!(fields.creators, ["A&B C", "<D>"]);
        assert_eq!(fields.notice, [text("fr", "Droits")]);
        assert_eq!(fields.usage_terms, [text("x-default", "Ask"), text("x-default", "Ask too")]);
        assert_eq!(fields.web_statement.as_deref(), Some("https://example.com"));
        assert_eq!((fields.credit, fields.is_marked), (None, None));

        for qualified in [
            "<p:Credit rdf:parseType='Resource'><rdf:value>Agency</rdf:value><o:secret>x</o:secret></p:Credit>",
            "<p:Credit><rdf:Description rdf:value='Agency' o:secret='x'/></p:Credit>",
        ] {
            assert_eq!(read("", qualified), XmpFields { credit: Some("Agency".into()), ..XmpFields::default() });
        }
    }

    #[test]
    fn descriptions_of_other_images_and_other_namespaces_are_not_read() {
        let nested = "<o:Pantry><rdf:Bag><rdf:li><rdf:Description p:Credit='other' d:creator='other'/></rdf:li></rdf:Bag>\
            </o:Pantry><o:creator>x</o:creator><o:Credit>y</o:Credit>";
        assert_eq!(read("o:Credit='x' Credit='y'", nested), XmpFields::default());
        let several = packet("", "").replace("</rdf:RDF>", "<rdf:Description p:Credit='Agency'/></rdf:RDF>");
        assert_eq!(XmpFields::read(several.as_bytes()).unwrap().credit.as_deref(), Some("Agency"));
    }

    #[test]
    fn empty_fields_are_replaced_by_the_others() {
        let own = read("p:Credit='Agency'", "");
        let merged = own.or(all_fields());
        assert_eq!(merged, XmpFields { credit: Some("Agency".into()), ..all_fields() });
        assert_eq!(all_fields().or(merged), all_fields());
    }

    #[test]
    fn too_long_fields_are_an_error() {
        let fields = XmpFields { credit: Some("a".repeat(60_000)), ..XmpFields::default() };
        assert!(fields.write().is_err());
    }
}
