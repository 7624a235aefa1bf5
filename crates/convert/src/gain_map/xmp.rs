//! Gain map metadata in XMP. The metadata consists of Adobe's properties, which Android's Ultra HDR also uses, or of
//! Apple's properties.

use avif::{GainMapChannel, GainMapMetadata, SignedFraction, UnsignedFraction};
use roxmltree::Node;

use crate::xmp::{self, RDF};

const ADOBE: &str = "http://ns.adobe.com/hdr-gain-map/1.0/";
const APPLE: &str = "http://ns.apple.com/HDRGainMap/1.0/";

/// The gain map metadata in a packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ParsedMetadata {
    Standard(GainMapMetadata),
    /// The metadata of a gain map in Apple's format: the headroom as a factor, if the packet contains the headroom.
    Apple(Option<f64>),
}

/// Reads a packet. Returns `None` if it has no gain map metadata, and an error if the metadata is invalid.
pub(super) fn read_metadata(packet: &[u8]) -> Option<Result<ParsedMetadata, &'static str>> {
    let document = xmp::parse(packet).ok()?;
    let mut descriptions = document.descendants().filter(|node| node.has_tag_name((RDF, "Description")));
    descriptions.find_map(|node| {
        let (adobe, apple) = (Description { node, namespace: ADOBE }, Description { node, namespace: APPLE });
        if adobe.values("Version").is_some() {
            return Some(adobe.adobe_metadata().map(ParsedMetadata::Standard).ok_or("its metadata is invalid"));
        }
        apple.values("HDRGainMapVersion")?;
        Some(Ok(ParsedMetadata::Apple(
            apple.single_value("HDRGainMapHeadroom", f64::NAN).filter(|headroom| !headroom.is_nan()),
        )))
    })
}

/// The properties of one namespace.
#[derive(Clone, Copy)]
struct Description<'tree, 'text> {
    node: Node<'tree, 'text>,
    namespace: &'static str,
}

impl<'tree> Description<'tree, '_> {
    /// Reads the properties of the Ultra HDR image format ("XMP metadata"). By default, offsets are 1/64 and the gamma
    /// is 1.
    fn adobe_metadata(self) -> Option<GainMapMetadata> {
        let (base_headroom, alternate_headroom) =
            (self.single_value("HDRCapacityMin", 0.0)?, self.single_value("HDRCapacityMax", f64::NAN)?);
        let (min, max) = (self.channel_values("GainMapMin", 0.0)?, self.channel_values("GainMapMax", f64::NAN)?);
        let gamma = self.channel_values("Gamma", 1.0)?;
        let (sdr, hdr) = (self.channel_values("OffsetSDR", 1.0 / 64.0)?, self.channel_values("OffsetHDR", 1.0 / 64.0)?);
        // If this property is `True`, the base image is the HDR image, and the gain map makes it darker.
        let is_hdr = self.values("BaseRenditionIsHDR").is_some_and(|values| values == ["True"]);
        let (base, alternate) = if is_hdr { (hdr, sdr) } else { (sdr, hdr) };
        let channel = |index: usize| {
            Some(GainMapChannel {
                min: signed_fraction(min[index])?,
                max: signed_fraction(max[index])?,
                gamma: unsigned_fraction(gamma[index])?,
                base_offset: signed_fraction(base[index])?,
                alternate_offset: signed_fraction(alternate[index])?,
            })
        };
        let mut headrooms = [unsigned_fraction(base_headroom)?, unsigned_fraction(alternate_headroom)?];
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

    /// Returns the values of a property for the three channels. A single value applies to all channels.
    fn channel_values(self, name: &str, default: f64) -> Option<[f64; 3]> {
        let Some(values) = self.values(name) else { return Some([default; 3]) };
        let values: Vec<f64> = values.iter().map(|value| value.trim().parse()).collect::<Result<_, _>>().ok()?;
        match values[..] {
            [one] => Some([one; 3]),
            [red, green, blue] => Some([red, green, blue]),
            _ => None,
        }
    }

    fn single_value(self, name: &str, default: f64) -> Option<f64> {
        self.channel_values(name, default).map(|[first, ..]| first)
    }

    /// Returns the values of a property. In XMP, a property is an attribute, or an element with a text or a list (XMP
    /// specification, part 1, 7.5 to 7.9).
    fn values(self, name: &str) -> Option<Vec<&'tree str>> {
        let name = (self.namespace, name);
        if let Some(value) = self.node.attribute(name) {
            return Some(vec![value]);
        }
        let element = self.node.children().find(|child| child.has_tag_name(name))?;
        Some(match xmp::array_items(element) {
            Some(items) => items.filter_map(|item| item.text()).collect(),
            None => element.text().into_iter().collect(),
        })
    }
}

/// Converts a number to a fraction with the denominator 1,000,000. Returns `None` for NaN and for numbers out of range.
pub(super) fn signed_fraction(number: f64) -> Option<SignedFraction> {
    const DENOMINATOR: u32 = 1_000_000;
    /// The maximum number of stops. The gains of real images have far fewer stops.
    const MAX_STOPS: f64 = 2_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "the product is below 2^31")]
    (number.abs() <= MAX_STOPS).then(|| ((number * f64::from(DENOMINATOR)).round() as i32, DENOMINATOR))
}

pub(super) fn unsigned_fraction(number: f64) -> Option<UnsignedFraction> {
    let (over, under) = signed_fraction(number)?;
    Some((u32::try_from(over).ok()?, under))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(packet: &[u8]) -> GainMapMetadata {
        let Some(Ok(ParsedMetadata::Standard(gain))) = read_metadata(packet) else { unreachable!("{packet:?}") };
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
    fn properties_in_attributes_elements_and_lists_are_read() {
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
    fn hdr_base_image_has_the_higher_headroom() {
        let attributes =
            "a:Version=\"1.0\" a:HDRCapacityMax=\"3\" a:GainMapMax=\"2\" a:OffsetSDR=\"1\" a:OffsetHDR=\"2\"";
        let gain = gain(&packet(&format!("{attributes} a:BaseRenditionIsHDR=\"True\""), ""));
        assert_eq!((gain.base_headroom.0, gain.alternate_headroom.0), (3_000_000, 0));
        assert_eq!((gain.channels[0].base_offset.0, gain.channels[0].alternate_offset.0), (2_000_000, 1_000_000));
    }

    #[test]
    fn apple_headroom_is_optional() {
        for (headroom, expected) in [("b:HDRGainMapHeadroom=\"8\"", Some(8.0)), ("", None)] {
            let packet = packet(&format!("b:HDRGainMapVersion=\"131072\" {headroom}"), "");
            assert_eq!(read_metadata(&packet), Some(Ok(ParsedMetadata::Apple(expected))));
        }
    }

    #[test]
    fn invalid_metadata_is_an_error_and_packet_without_metadata_is_none() {
        for attributes in ["", "a:GainMapMax=\"x\"", "a:GainMapMax=\"1e300\"", "a:GainMapMax=\"NaN\""] {
            let attributes = format!("a:Version=\"1.0\" a:HDRCapacityMax=\"3\" {attributes}");
            assert!(matches!(read_metadata(&packet(&attributes, "")), Some(Err(_))), "{attributes}");
        }
        for packet in [packet("", ""), b"<".to_vec(), b"\xff".to_vec(), vec![]] {
            assert_eq!(read_metadata(&packet), None);
        }
    }
}
