//! Parses XMP packets within limits. A file of an attacker may contain any packet.

use roxmltree::{Document, Node, ParsingOptions};

/// The namespace of RDF. XMP is written in RDF/XML (XMP specification, part 1, 7).
pub(crate) const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// The maximum number of tags. The parser allocates memory for each tag before it parses the first one: 50,000 tags take 4 MB. A
/// raw converter writes some thousands for a photograph with many retouched spots.
const MAX_TAGS: usize = 50_000;
/// Before and after each tag, there may be text.
const MAX_NODES: u32 = 100_000;
/// The maximum number of attributes. The parser also allocates their memory first.
const MAX_ATTRIBUTES: usize = 20_000;
/// The maximum number of attributes of an element: more than any raw converter writes. The parser compares each attribute of an
/// element with all its other attributes.
const MAX_ATTRIBUTES_OF_ELEMENT: usize = 1_000;
/// The maximum number of declared namespaces. If an element declares a namespace, the parser copies the list of all namespaces
/// of the elements around it.
const MAX_NAMESPACES: usize = 1_000;

/// Parses a packet.
///
/// # Errors
/// Returns the reason if the packet exceeds a limit, is not UTF-8, is not valid XML, or has a document type declaration.
pub(crate) fn parse(packet: &[u8]) -> Result<Document<'_>, &'static str> {
    const INVALID: &str = "it is not valid XML";
    const TOO_LARGE: &str = "it has too many XML elements or attributes";
    // Some writers end the text with a null, or pad it with nulls.
    let text = std::str::from_utf8(packet).map_err(|_| "it is not UTF-8")?.trim_end_matches('\0');
    let count = |text: &str, pattern: &str| text.matches(pattern).count();
    let is_small = count(text, "<") <= MAX_TAGS
        && count(text, "=") <= MAX_ATTRIBUTES
        && count(text, "xmlns") <= MAX_NAMESPACES
        // An attribute cannot contain `<`.
        && text.split('<').all(|tag| count(tag, "=") <= MAX_ATTRIBUTES_OF_ELEMENT);
    if !is_small {
        return Err(TOO_LARGE);
    }
    // By default, the parser rejects a document type declaration, so a packet cannot define entities.
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|_| INVALID)
}

/// Returns the items of an array: the `rdf:li` elements of an `rdf:Seq`, `rdf:Bag` or `rdf:Alt`. Returns `None` if the property
/// is not an array (XMP specification, part 1, 7.7).
pub(crate) fn array_items<'tree, 'text>(
    property: Node<'tree, 'text>,
) -> Option<impl Iterator<Item = Node<'tree, 'text>>> {
    let is_array = |node: &Node<'_, '_>| ["Seq", "Bag", "Alt"].iter().any(|kind| node.has_tag_name((RDF, *kind)));
    let array = property.children().find(is_array)?;
    Some(array.children().filter(|item| item.has_tag_name((RDF, "li"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_beyond_a_limit_is_rejected_before_it_is_parsed() {
        let each = |count: usize, text: fn(usize) -> String| (0..count).map(text).collect::<Vec<_>>().concat();
        let element = |content: &str| format!("<a>{content}</a>");
        let attributes = |count: usize| format!("<b {}/>", each(count, |n| format!("a{n}='' ")));
        let namespaces = |count: usize| each(count, |n| format!("<b xmlns:a='{n}'/>"));
        assert!(parse(element(&"<b/>".repeat(MAX_TAGS - 2)).as_bytes()).is_ok());
        assert!(parse(element(&attributes(MAX_ATTRIBUTES_OF_ELEMENT)).as_bytes()).is_ok());
        assert!(parse(element(&namespaces(MAX_NAMESPACES)).as_bytes()).is_ok());
        for packet in [
            "<b/>".repeat(MAX_TAGS - 1),
            attributes(MAX_ATTRIBUTES_OF_ELEMENT + 1),
            attributes(MAX_ATTRIBUTES_OF_ELEMENT).repeat(21),
            namespaces(MAX_NAMESPACES + 1),
        ] {
            assert_eq!(parse(element(&packet).as_bytes()).err(), Some("it has too many XML elements or attributes"));
        }
    }

    #[test]
    fn other_encodings_entities_and_invalid_xml_are_rejected() {
        assert!(parse(b"<a/>\0\0").is_ok());
        for (packet, reason) in [
            (&b"\xff\xfe<\0a\0/\0>\0"[..], "it is not UTF-8"),
            (b"", "it is not valid XML"),
            (b"<a>", "it is not valid XML"),
            (b"<a>&b;</a>", "it is not valid XML"),
            (b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "it is not valid XML"),
        ] {
            assert_eq!(parse(packet).err(), Some(reason), "{}", packet.escape_ascii());
        }
    }
}
