//! Formats tables for the terminal.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// Returns an empty table. All columns except the first contain numbers and are aligned to the right.
pub(crate) fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Formats the width, the height and, for an animation, the number of frames.
pub(crate) fn size(width: u32, height: u32, frames: u32) -> String {
    if frames > 1 { format!("{width}x{height}, {frames} frames") } else { format!("{width}x{height}") }
}

/// Formats a size with a binary unit and three digits.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Formats the saving as a percentage of the original size.
pub(crate) fn saving(before: u64, after: u64) -> Cell {
    if before == 0 {
        return Cell::new("");
    }
    // The exact saving in tenths of a percent. The product fits into an `i128` for every file size.
    let tenths = (i128::from(before) - i128::from(after)) * 1000 / i128::from(before);
    Cell::new(format!("{}{}.{} %", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10))
}
