// Decodes the header, the scans and the samples of a JPEG.

#include "state.h"

#include <stdlib.h>
#include <string.h>

// The caller passes these numbers.
_Static_assert(JCS_GRAYSCALE == 1 && JCS_RGB == 2 && JCS_YCbCr == 3 && JCS_CMYK == 4 && JCS_YCCK == 5,
               "the numbers of the color spaces have changed");

// libjpeg allocates at most this number of rows per component, and this number of bytes for its own objects and tables.
// The number of rows is the sum of all buffers for the largest sampling factor, 4.
#define BUFFERED_ROWS 64
#define FIXED_BYTES (1 << 20)

// libjpeg returns up to 32 rows per call, those of one row of MCUs.
#define ROWS_PER_CALL (MAX_SAMP_FACTOR * DCTSIZE)

// This never happens. It prevents an endless loop.
#define NO_ROWS "libjpeg returned no rows"

struct jpeg_reader *jpeg_reader_new(void) {
  return calloc(1, sizeof(struct jpeg_reader));
}

void jpeg_reader_free(struct jpeg_reader *reader) {
  // This function also accepts an object that jpeg_create_decompress() has not initialized, if all its bytes are 0.
  jpeg_destroy_decompress(&reader->info);
  free(reader);
}

static uint64_t round_up(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// libjpeg keeps all coefficients of a file with several scans, or all samples of a lossless file with several scans.
static uint64_t count_working_bytes(struct jpeg_reader *reader) {
  struct jpeg_decompress_struct *info = &reader->info;
  uint64_t unit_bytes = reader->data_unit == 1 ? sizeof(JSAMPLE) : sizeof(JBLOCK);
  uint64_t columns = round_up(info->image_width, (uint64_t)info->max_h_samp_factor * DCTSIZE);
  uint64_t bytes = FIXED_BYTES + BUFFERED_ROWS * columns * (uint64_t)info->num_components;
  if (!jpeg_has_multiple_scans(info)) return bytes;
  for (int n = 0; n < info->num_components; n++) {
    const jpeg_component_info *component = &info->comp_info[n];
    uint64_t units = round_up(component->width_in_blocks, (uint64_t)component->h_samp_factor);
    uint64_t rows = round_up(component->height_in_blocks, (uint64_t)component->v_samp_factor);
    // libjpeg also keeps a pointer to each row.
    bytes += rows * (units * unit_bytes + sizeof(void *));
  }
  return bytes;
}

static void describe(struct jpeg_reader *reader, struct jpeg_reader_header *header) {
  struct jpeg_decompress_struct *info = &reader->info;
  memset(header, 0, sizeof(*header));
  header->width = info->image_width;
  header->height = info->image_height;
  header->components = (uint32_t)info->num_components;
  header->precision = (uint32_t)info->data_precision;
  header->color_space = (uint32_t)info->jpeg_color_space;
  header->is_progressive = info->progressive_mode != FALSE;
  header->is_lossless = reader->data_unit == 1;
  header->has_several_scans = jpeg_has_multiple_scans(info) != FALSE;
  for (int n = 0; n < info->num_components && n < JPEG_READER_COMPONENTS; n++) {
    header->horizontal[n] = (uint32_t)info->comp_info[n].h_samp_factor;
    header->vertical[n] = (uint32_t)info->comp_info[n].v_samp_factor;
  }
  header->working_bytes = reader->working_bytes;
}

enum jpeg_reader_status jpeg_reader_read_header(struct jpeg_reader *reader, const uint8_t *tables, size_t tables_size,
                                                const uint8_t *file, size_t file_size,
                                                struct jpeg_reader_header *header) {
  struct jpeg_decompress_struct *info = &reader->info;
  if (setjmp(reader->fatal)) return jpeg_reader_status_of_error(reader);
  jpeg_reader_set_message_callbacks(reader);
  jpeg_create_decompress(info);
  jpeg_reader_set_input_callbacks(reader);
  if (tables != NULL) {
    jpeg_reader_set_input(reader, tables, tables_size, IN_TABLES);
    if (jpeg_read_header(info, FALSE) != JPEG_HEADER_TABLES_ONLY) {
      return jpeg_reader_record_error(reader, "the separate tables contain an image");
    }
  }
  jpeg_reader_set_input(reader, file, file_size, BETWEEN_SCANS);
  jpeg_read_header(info, TRUE);
  // The size of a unit before scaling: libjpeg has no other public field for lossless files.
  reader->data_unit = info->min_DCT_scaled_size;
  reader->working_bytes = count_working_bytes(reader);
  describe(reader, header);
  return JPEG_READER_OK;
}

static J_COLOR_SPACE output_color_space(uint32_t color_space) {
  switch (color_space) {
    case JCS_GRAYSCALE:
      return JCS_GRAYSCALE;
    case JCS_RGB:
    case JCS_YCbCr:
      return JCS_RGB;
    default:
      return JCS_CMYK;
  }
}

enum jpeg_reader_status jpeg_reader_start(struct jpeg_reader *reader, uint32_t color_space,
                                          enum jpeg_reader_output output, struct jpeg_reader_layout *layout) {
  struct jpeg_decompress_struct *info = &reader->info;
  memset(layout, 0, sizeof(*layout));
  if (output == JPEG_READER_PLANES && (info->num_components != 3 || reader->data_unit == 1)) {
    return jpeg_reader_record_error(reader, "planes need a lossy file with three components");
  }
  if (setjmp(reader->fatal)) return jpeg_reader_status_of_error(reader);
  // This limit replaces a limit from the environment variable JPEGMEM.
  info->mem->max_memory_to_use = (long)reader->working_bytes;
  info->jpeg_color_space = (J_COLOR_SPACE)color_space;
  info->out_color_space = output_color_space(color_space);
  info->scale_num = 1;
  info->scale_denom = output == JPEG_READER_HALF_PIXELS ? 2 : 1;
  info->raw_data_out = output == JPEG_READER_PLANES;
  // In this mode, the caller can stop between two scans, and use the scans before an error.
  info->buffered_image = jpeg_has_multiple_scans(info);
  // The interpolation of chroma and the accuracy of the DCT stay libjpeg's defaults, which browsers use.
  jpeg_start_decompress(info);
  reader->position = IN_SCAN;
  layout->width = info->output_width;
  layout->height = info->output_height;
  if (output != JPEG_READER_PLANES) {
    layout->channels = (uint32_t)info->output_components;
    return JPEG_READER_OK;
  }
  for (int n = 0; n < 3; n++) {
    layout->strides[n] = info->comp_info[n].width_in_blocks * DCTSIZE;
    layout->rows[n] = info->comp_info[n].height_in_blocks * DCTSIZE;
  }
  return JPEG_READER_OK;
}

static void finish_scan(struct jpeg_reader *reader) {
  const struct jpeg_decompress_struct *info = &reader->info;
  reader->position = BETWEEN_SCANS;
  reader->scans++;
  for (int n = 0; n < info->comps_in_scan; n++) {
    reader->scanned_components |= 1u << info->cur_comp_info[n]->component_index;
  }
  reader->has_all_components = reader->scanned_components == (1u << info->num_components) - 1;
  reader->has_all_bits = reader->has_all_components;
  if (!info->progressive_mode) return;
  for (int n = 0; n < info->num_components; n++) {
    const int *bits = info->coef_bits[n];
    // -1: nothing was sent. Other numbers: so many low bits are missing.
    for (int coefficient = 0; coefficient < DCTSIZE2; coefficient++) {
      if (bits[coefficient] != 0) reader->has_all_bits = 0;
    }
  }
}

enum jpeg_reader_status jpeg_reader_read_scans(struct jpeg_reader *reader, uint32_t max_scans) {
  struct jpeg_decompress_struct *info = &reader->info;
  if (!info->buffered_image) return JPEG_READER_OK;
  volatile int is_interrupted = 0;
  if (setjmp(reader->fatal)) {
    enum jpeg_reader_status status = jpeg_reader_status_of_error(reader);
    if (is_interrupted || reader->scans == 0 || status == JPEG_READER_OUT_OF_MEMORY) return status;
    // A segment between two scans is invalid or missing. The next call reads this marker and ends the input.
    is_interrupted = 1;
    info->unread_marker = JPEG_EOI;
  }
  int event;
  do {
    event = jpeg_consume_input(info);
    if (event == JPEG_REACHED_SOS) {
      if ((uint32_t)info->input_scan_number > max_scans) return JPEG_READER_TOO_MANY_SCANS;
      reader->position = IN_SCAN;
    } else if (event == JPEG_SCAN_COMPLETED) {
      finish_scan(reader);
    }
  } while (event != JPEG_REACHED_EOI);

  // A progressive file does not have to send all bits of all coefficients (ITU-T T.81, annex G). But if the marker at
  // its end is missing, they are missing, too.
  if (is_interrupted && !reader->has_all_bits) jpeg_reader_record_damage(reader, reader->message);
  if (reader->has_ended && !reader->has_all_bits) {
    info->err->msg_code = JWRN_JPEG_EOF;
    jpeg_reader_record_damage(reader, NULL);
  }
  if (!reader->has_all_components) jpeg_reader_record_damage(reader, "a component has no scan");
  return JPEG_READER_OK;
}

static enum jpeg_reader_status keep_rows(struct jpeg_reader *reader) {
  enum jpeg_reader_status status = jpeg_reader_status_of_error(reader);
  if (reader->info.output_scanline == 0 || status == JPEG_READER_OUT_OF_MEMORY) return status;
  jpeg_reader_record_damage(reader, reader->message);
  return JPEG_READER_OK;
}

static void start_output(struct jpeg_decompress_struct *info) {
  if (info->buffered_image) jpeg_start_output(info, info->input_scan_number);
}

enum jpeg_reader_status jpeg_reader_read_pixels(struct jpeg_reader *reader, uint8_t *pixels) {
  struct jpeg_decompress_struct *info = &reader->info;
  size_t stride = (size_t)info->output_width * (size_t)info->output_components;
  if (setjmp(reader->fatal)) return keep_rows(reader);
  start_output(info);
  while (info->output_scanline < info->output_height) {
    JSAMPROW rows[ROWS_PER_CALL];
    JDIMENSION left = info->output_height - info->output_scanline;
    JDIMENSION count = left < ROWS_PER_CALL ? left : ROWS_PER_CALL;
    for (JDIMENSION n = 0; n < count; n++) rows[n] = pixels + (info->output_scanline + n) * stride;
    if (jpeg_read_scanlines(info, rows, count) == 0) return jpeg_reader_record_error(reader, NO_ROWS);
  }
  return JPEG_READER_OK;
}

enum jpeg_reader_status jpeg_reader_read_planes(struct jpeg_reader *reader, uint8_t *y, uint8_t *cb, uint8_t *cr) {
  struct jpeg_decompress_struct *info = &reader->info;
  uint8_t *planes[3] = {y, cb, cr};
  JDIMENSION rows_per_call = (JDIMENSION)info->max_v_samp_factor * DCTSIZE;
  if (setjmp(reader->fatal)) return keep_rows(reader);
  start_output(info);
  while (info->output_scanline < info->output_height) {
    JSAMPROW rows[3][ROWS_PER_CALL];
    JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
    for (int n = 0; n < 3; n++) {
      const jpeg_component_info *component = &info->comp_info[n];
      size_t stride = (size_t)component->width_in_blocks * DCTSIZE;
      JDIMENSION count = (JDIMENSION)component->v_samp_factor * DCTSIZE;
      JDIMENSION first = info->output_scanline / rows_per_call * count;
      JDIMENSION last = component->height_in_blocks * DCTSIZE - 1;
      for (JDIMENSION row = 0; row < count; row++) {
        // libjpeg writes no rows after the last block.
        rows[n][row] = planes[n] + stride * (first + row < last ? first + row : last);
      }
    }
    if (jpeg_read_raw_data(info, arrays, rows_per_call) == 0) return jpeg_reader_record_error(reader, NO_ROWS);
  }
  return JPEG_READER_OK;
}
