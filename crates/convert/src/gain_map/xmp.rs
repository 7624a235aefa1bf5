//! Gain map metadata in a map's XMP: Adobe's names, which Android's Ultra HDR took over, and Apple's.

use avif::{GainMapChannel, GainMapMetadata, SignedFraction, UnsignedFraction};
use roxmltree::{Document, Node, ParsingOptions};

/// What names an XMP packet in a segment of its own.
pub(super) const NAME: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const ADOBE: &str = "http://ns.adobe.com/hdr-gain-map/1.0/";
const APPLE: &str = "http://ns.apple.com/HDRGainMap/1.0/";
/// More than any packet has in 64 KB.
const MOST_NODES: u32 = 10_000;

/// More than any gain map's packet has. The parser compares each attribute of an element with all others.
const MOST_ATTRIBUTES: usize = 1000;

/// What a packet says of gains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Told {
    Gain(GainMapMetadata),
    /// That they are Apple's, and perhaps their headroom, as a factor.
    Apple(Option<f64>),
}

/// What a packet says of gains: nothing, something, or something that is wrong.
pub(super) fn told(packet: &[u8]) -> Option<Result<Told, &'static str>> {
    if packet.split(|byte| *byte == b'=').nth(MOST_ATTRIBUTES).is_some() {
        return None;
    }
    // Some writers end the text with a zero, or pad it with them.
    let text = std::str::from_utf8(packet).ok()?.trim_end_matches('\0');
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let mut descriptions = document.descendants().filter(|node| node.has_tag_name((RDF, "Description")));
    descriptions.find_map(|node| {
        let (adobe, apple) = (Description { node, space: ADOBE }, Description { node, space: APPLE });
        if adobe.values("Version").is_some() {
            return Some(adobe.adobe().map(Told::Gain).ok_or("its metadata makes no sense"));
        }
        apple.values("HDRGainMapVersion")?;
        Some(Ok(Told::Apple(apple.one("HDRGainMapHeadroom", f64::NAN).filter(|headroom| !headroom.is_nan()))))
    })
}

/// The properties in one name space.
#[derive(Clone, Copy)]
struct Description<'tree, 'text> {
    node: Node<'tree, 'text>,
    space: &'static str,
}

impl<'tree> Description<'tree, '_> {
    /// Ultra HDR image format, "XMP metadata": offsets of 1/64 and a gamma of 1 unless they are told.
    fn adobe(self) -> Option<GainMapMetadata> {
        let (base_headroom, alternate_headroom) =
            (self.one("HDRCapacityMin", 0.0)?, self.one("HDRCapacityMax", f64::NAN)?);
        let (min, max) = (self.three("GainMapMin", 0.0)?, self.three("GainMapMax", f64::NAN)?);
        let gamma = self.three("Gamma", 1.0)?;
        let (sdr, hdr) = (self.three("OffsetSDR", 1.0 / 64.0)?, self.three("OffsetHDR", 1.0 / 64.0)?);
        // The base is the brighter one, and the map makes it darker.
        let is_hdr = self.values("BaseRenditionIsHDR").is_some_and(|values| values == ["True"]);
        let (base, alternate) = if is_hdr { (hdr, sdr) } else { (sdr, hdr) };
        let channel = |index: usize| {
            Some(GainMapChannel {
                min: signed(min[index])?,
                max: signed(max[index])?,
                gamma: unsigned(gamma[index])?,
                base_offset: signed(base[index])?,
                alternate_offset: signed(alternate[index])?,
            })
        };
        let mut headrooms = [unsigned(base_headroom)?, unsigned(alternate_headroom)?];
        if is_hdr {
            headrooms.reverse();
        }
        let channels = [channel(0)?, channel(1)?, channel(2)?];
        Some(GainMapMetadata {
            channels,
            base_headroom: headrooms[0],
            alternate_headroom: headrooms[1],
            uses_base_color_space: true,
        })
    }

    /// One value, or the same three times.
    fn three(self, name: &str, default: f64) -> Option<[f64; 3]> {
        let Some(values) = self.values(name) else { return Some([default; 3]) };
        let values: Vec<f64> = values.iter().map(|value| value.trim().parse()).collect::<Result<_, _>>().ok()?;
        match values[..] {
            [one] => Some([one; 3]),
            [red, green, blue] => Some([red, green, blue]),
            _ => None,
        }
    }

    fn one(self, name: &str, default: f64) -> Option<f64> {
        self.three(name, default).map(|[first, ..]| first)
    }

    /// The values of a property, which is an attribute, or an element with a text or a list in it (XMP specification,
    /// part 1, 7.5 to 7.9).
    fn values(self, name: &str) -> Option<Vec<&'tree str>> {
        let name = (self.space, name);
        if let Some(value) = self.node.attribute(name) {
            return Some(vec![value]);
        }
        let element = self.node.children().find(|child| child.has_tag_name(name))?;
        let list = element.children().find(|child| child.has_tag_name((RDF, "Seq")));
        Some(match list {
            Some(list) => {
                list.children().filter(|item| item.has_tag_name((RDF, "li"))).filter_map(|item| item.text()).collect()
            }
            None => element.text().into_iter().collect(),
        })
    }
}

/// Millionths, of numbers that are some.
pub(super) fn signed(number: f64) -> Option<SignedFraction> {
    const PART: u32 = 1_000_000;
    /// No picture has gains of so many stops.
    const MOST: f64 = 2_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is below 2^31")]
    (number.abs() <= MOST).then(|| ((number * f64::from(PART)).round() as i32, PART))
}

pub(super) fn unsigned(number: f64) -> Option<UnsignedFraction> {
    let (over, under) = signed(number)?;
    Some((u32::try_from(over).ok()?, under))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(packet: &[u8]) -> GainMapMetadata {
        let Some(Ok(Told::Gain(gain))) = told(packet) else { unreachable!("{packet:?}") };
        gain
    }

    fn packet(attributes: &str, elements: &str) -> Vec<u8> {
        format!(
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{RDF}\"><rdf:Description xmlns:a=\"{ADOBE}\" \
             xmlns:b=\"{APPLE}\" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
        )
        .into_bytes()
    }

    #[test]
    fn attributes_elements_and_lists_are_read() {
        let attributes = "a:Version=\"1.0\" a:HDRCapacityMax=\"3\" a:GainMapMin=\"-0.5\"";
        let list =
            "<a:GainMapMax><rdf:Seq><rdf:li>1</rdf:li><rdf:li>2.5</rdf:li><rdf:li>3</rdf:li></rdf:Seq></a:GainMapMax>";
        let gain = gain(&packet(attributes, &format!("<a:Gamma> 2 </a:Gamma>{list}")));
        assert_eq!(gain.channels.map(|channel| channel.max.0), [1_000_000, 2_500_000, 3_000_000]);
        let GainMapChannel { min, gamma, base_offset, alternate_offset, .. } = gain.channels[1];
        assert_eq!((min.0, gamma.0, base_offset.0, alternate_offset.0), (-500_000, 2_000_000, 15_625, 15_625));
        assert_eq!((gain.base_headroom.0, gain.alternate_headroom.0), (0, 3_000_000));
    }

    #[test]
    fn a_map_that_darkens_has_the_higher_headroom_at_its_base() {
        let attributes =
            "a:Version=\"1.0\" a:HDRCapacityMax=\"3\" a:GainMapMax=\"2\" a:OffsetSDR=\"1\" a:OffsetHDR=\"2\"";
        let gain = gain(&packet(&format!("{attributes} a:BaseRenditionIsHDR=\"True\""), ""));
        assert_eq!((gain.base_headroom.0, gain.alternate_headroom.0), (3_000_000, 0));
        assert_eq!((gain.channels[0].base_offset.0, gain.channels[0].alternate_offset.0), (2_000_000, 1_000_000));
    }

    #[test]
    fn apples_headroom_may_be_told() {
        for (headroom, expected) in [("b:HDRGainMapHeadroom=\"8\"", Some(8.0)), ("", None)] {
            let packet = packet(&format!("b:HDRGainMapVersion=\"131072\" {headroom}"), "");
            assert_eq!(told(&packet), Some(Ok(Told::Apple(expected))));
        }
    }

    #[test]
    fn nonsense_is_told_and_other_metadata_is_none() {
        for attributes in ["", "a:GainMapMax=\"x\"", "a:GainMapMax=\"1e300\"", "a:GainMapMax=\"NaN\""] {
            let attributes = format!("a:Version=\"1.0\" a:HDRCapacityMax=\"3\" {attributes}");
            assert!(matches!(told(&packet(&attributes, "")), Some(Err(_))), "{attributes}");
        }
        for packet in [packet("", ""), b"<".to_vec(), b"\xff".to_vec(), vec![]] {
            assert_eq!(told(&packet), None);
        }
    }
}
