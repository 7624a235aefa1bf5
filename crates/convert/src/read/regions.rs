//! Reads the regions of an image from its XMP (Metadata Working Group, "Guidelines for Handling Image Metadata" 2.0, 5.9).

use image::metadata::Orientation;
use model::FocalPoint;
use roxmltree::{Document, Node};

use crate::xmp::{RDF, array_items, parse};

const REGIONS: &str = "http://www.metadataworkinggroup.com/schemas/regions/";
const AREA: &str = "http://ns.adobe.com/xmp/sType/Area#";
/// The types of regions in the order in which they are chosen. Regions of other types are chosen last.
const TYPES: [&str; 2] = ["Focus", "Face"];

/// A rectangle of the stored image, as fractions of its width and height.
struct Region {
    /// The index in [`TYPES`], or their number.
    rank: usize,
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// Returns the center of the regions that matter most, as a position in the upright image. Returns `None` if the packet has no
/// valid region. The regions belong to the stored image, whatever `AppliedToDimensions` says: in some files, this contains the
/// dimensions of the upright image.
pub(crate) fn focal_point(packet: &[u8], orientation: Orientation) -> Option<FocalPoint> {
    // Most packets have no regions, and parsing takes time.
    if !packet.windows(REGIONS.len()).any(|window| window == REGIONS.as_bytes()) {
        return None;
    }
    let document = parse(packet).ok()?;
    let regions: Vec<Region> = regions(&document).collect();
    let best = regions.iter().map(|region| region.rank).min()?;
    let chosen = || regions.iter().filter(move |region| region.rank == best);
    let middle = |low: fn(&Region) -> f64, high: fn(&Region) -> f64| {
        f64::midpoint(chosen().map(low).fold(1.0, f64::min), chosen().map(high).fold(0.0, f64::max))
    };
    let (x, y) =
        (middle(|region| region.left, |region| region.right), middle(|region| region.top, |region| region.bottom));
    let (x, y) = upright(x, y, orientation);
    FocalPoint::new(x, y)
}

fn regions<'tree>(document: &'tree Document<'_>) -> impl Iterator<Item = Region> + 'tree {
    let lists = document.descendants().filter(|node| node.has_tag_name((REGIONS, "RegionList")));
    lists.filter_map(array_items).flatten().filter_map(region)
}

/// Reads one region. The center and the size of its area are fractions. Circles and points are read as points.
fn region(item: Node<'_, '_>) -> Option<Region> {
    let area = fields(item).find_map(|node| node.children().find(|child| child.has_tag_name((REGIONS, "Area"))))?;
    if text(area, AREA, "unit").is_some_and(|unit| unit != "normalized") {
        return None;
    }
    let number = |name| text(area, AREA, name).and_then(|text| text.trim().parse::<f64>().ok());
    let (x, y) = (number("x")?, number("y")?);
    let half = |name| number(name).filter(|length| *length >= 0.0).unwrap_or(0.0) / 2.0;
    let (half_width, half_height) = (half("w"), half("h"));
    let is_inside = [x, y].iter().all(|center| (0.0..=1.0).contains(center));
    let kind = text(item, REGIONS, "Type").unwrap_or_default();
    let rank = TYPES.iter().position(|name| *name == kind).unwrap_or(TYPES.len());
    is_inside.then(|| Region {
        rank,
        left: (x - half_width).max(0.0),
        top: (y - half_height).max(0.0),
        right: (x + half_width).min(1.0),
        bottom: (y + half_height).min(1.0),
    })
}

/// Applies the orientation to a position in the stored image (Exif 3.0, tag 274).
fn upright(x: f64, y: f64, orientation: Orientation) -> (f64, f64) {
    match orientation.to_exif() {
        2 => (1.0 - x, y),
        3 => (1.0 - x, 1.0 - y),
        4 => (x, 1.0 - y),
        5 => (y, x),
        6 => (1.0 - y, x),
        7 => (1.0 - y, 1.0 - x),
        8 => (y, 1.0 - x),
        _ => (x, y),
    }
}

/// Returns the nodes that contain the fields of a structure: the node itself, or the `rdf:Description` in it (XMP
/// specification, part 1, 7.6).
fn fields<'tree, 'text>(structure: Node<'tree, 'text>) -> impl Iterator<Item = Node<'tree, 'text>> {
    let description = structure.children().find(|child| child.has_tag_name((RDF, "Description")));
    std::iter::once(structure).chain(description)
}

/// Returns a field of a structure, which is an attribute or an element.
fn text<'tree>(structure: Node<'tree, '_>, namespace: &str, name: &str) -> Option<&'tree str> {
    fields(structure).find_map(|node| {
        let element = || node.children().find(|child| child.has_tag_name((namespace, name)));
        node.attribute((namespace, name)).or_else(|| element()?.text())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: (u32, u32) = (400, 300);

    /// A packet in the form that digiKam and `exiftool` write, with the stored width and height.
    fn packet(dimensions: (u32, u32), regions: &str) -> String {
        let (width, height) = dimensions;
        format!(
            r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">
            <rdf:Description xmlns:mwg-rs="{REGIONS}" xmlns:stArea="{AREA}" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#">
            <mwg-rs:Regions rdf:parseType="Resource">
            <mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>
            <mwg-rs:RegionList><rdf:Bag>{regions}</rdf:Bag></mwg-rs:RegionList>
            </mwg-rs:Regions></rdf:Description></rdf:RDF></x:xmpmeta>"#
        )
    }

    /// A region whose fields are attributes.
    fn compact(kind: &str, area: [f64; 4]) -> String {
        let [x, y, w, h] = area;
        format!(
            r#"<rdf:li><rdf:Description mwg-rs:Type="{kind}"><mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}"
            stArea:h="{h}" stArea:unit="normalized"/></rdf:Description></rdf:li>"#
        )
    }

    /// A region whose fields are elements.
    fn verbose(kind: &str, [x, y, ..]: [f64; 4]) -> String {
        format!(
            r#"<rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>{x}</stArea:x>
            <stArea:y>{y}</stArea:y></mwg-rs:Area><mwg-rs:Type>{kind}</mwg-rs:Type></rdf:li>"#
        )
    }

    fn point(packet: &str, orientation: u8) -> Option<String> {
        let orientation = Orientation::from_exif(orientation).unwrap();
        let point = focal_point(packet.as_bytes(), orientation)?;
        Some(format!("{:.3} {:.3}", point.x(), point.y()))
    }

    #[test]
    fn focus_takes_precedence_over_faces_and_faces_over_other_regions() {
        let (pet, left, right) = (
            compact("Pet", [0.1, 0.9, 0.1, 0.1]),
            compact("Face", [0.2, 0.3, 0.2, 0.2]),
            verbose("Face", [0.8, 0.5, 0.0, 0.0]),
        );
        let focus = compact("Focus", [0.7, 0.1, 0.0, 0.0]);
        let point = |regions: &[&String]| {
            let regions: String = regions.iter().map(|region| region.as_str()).collect();
            point(&packet(STORED, &regions), 1).unwrap()
        };
        assert_eq!(point(&[&pet]), "0.100 0.900");
        assert_eq!(point(&[&pet, &left]), "0.200 0.300");
        // The rectangle around both faces is 0.1 to 0.8 wide and 0.2 to 0.5 high.
        assert_eq!(point(&[&pet, &left, &right]), "0.450 0.350");
        assert_eq!(point(&[&left, &focus, &right]), "0.700 0.100");
    }

    #[test]
    fn regions_are_rotated_with_the_image_whatever_their_dimensions_are() {
        let region = compact("Face", [0.1, 0.3, 0.0, 0.0]);
        let expected = ["0.1 0.3", "0.9 0.3", "0.9 0.7", "0.1 0.7", "0.3 0.1", "0.7 0.1", "0.7 0.9", "0.3 0.9"];
        for (orientation, expected) in (1..).zip(expected) {
            let expected = expected.replace(' ', "00 ") + "00";
            for dimensions in [STORED, (STORED.1, STORED.0)] {
                assert_eq!(point(&packet(dimensions, &region), orientation), Some(expected.clone()), "{orientation}");
            }
        }
    }

    #[test]
    fn invalid_regions_are_ignored() {
        let pixels = compact("Face", [0.5, 0.5, 0.1, 0.1]).replace("normalized", "pixel");
        let outside = compact("Focus", [1.5, 0.5, 0.1, 0.1]);
        let text = compact("Face", [0.5, 0.5, 0.1, 0.1]).replace("x=\"0.5\"", "x=\"left\"");
        for region in [&pixels, &outside, &text, "", "<rdf:li/>"] {
            assert_eq!(point(&packet(STORED, region), 1), None, "{region}");
        }
        let valid = verbose("Face", [0.2, 0.4, 0.0, 0.0]);
        let mixed = packet(STORED, &[outside, pixels, text, valid].concat());
        assert_eq!(point(&mixed, 1).as_deref(), Some("0.200 0.400"));
        assert_eq!(point("<a", 1), None);
        assert_eq!(point(&packet(STORED, &mixed).replace("</x:xmpmeta>", ""), 1), None);
    }
}
