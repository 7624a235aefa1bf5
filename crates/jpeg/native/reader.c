#include "reader.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#ifndef D_ARITH_CODING_SUPPORTED
#error "libjpeg-turbo was compiled without arithmetic decoding"
#endif

// The caller passes these numbers.
_Static_assert(JCS_GRAYSCALE == 1 && JCS_RGB == 2 && JCS_YCbCr == 3 && JCS_CMYK == 4 && JCS_YCCK == 5,
               "the numbers of the color spaces have changed");

// libjpeg allocates at most this number of rows per component, and this number of bytes for its own objects and tables.
// The number of rows is the sum of all buffers for the largest sampling factor, 4.
#define BUFFERED_ROWS 64
#define FIXED_BYTES (1 << 20)

// libjpeg returns up to 32 rows per call, those of one row of MCUs.
#define ROWS_PER_CALL (MAX_SAMP_FACTOR * DCTSIZE)

enum position { IN_TABLES, BETWEEN_SCANS, IN_SCAN };

struct jpeg_reader {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  // The target of a fatal error. Every function that calls libjpeg sets it first.
  jmp_buf fatal;
  char message[JMSG_LENGTH_MAX];

  uint64_t working_bytes;
  // Rows and columns of samples in a unit of compressed data: 8, or 1 in lossless files.
  int data_unit;

  enum position position;
  // Whether libjpeg has asked for bytes after the end of the file.
  int has_ended;
  uint32_t scans;
  // Bit n: the file has contained a complete scan of component n.
  uint32_t scanned_components;
  // These are updated after each scan, because the start of a scan already changes libjpeg's own record.
  int has_all_components;
  int has_all_bits;

  struct jpeg_reader_damage damage;
  char damage_message[JMSG_LENGTH_MAX];
};

static struct jpeg_reader *reader_of(j_common_ptr info) {
  return info->client_data;
}

// Records the first damage. libjpeg's last message is its reason if `message` is null.
static void record_damage(struct jpeg_reader *reader, const char *message) {
  struct jpeg_decompress_struct *info = &reader->info;
  if (reader->damage.is_damaged) return;
  reader->damage.is_damaged = 1;
  reader->damage.scans = reader->scans;
  uint32_t rows = info->input_iMCU_row * (uint32_t)(info->max_v_samp_factor * reader->data_unit);
  reader->damage.rows = rows < info->image_height ? rows : info->image_height;
  if (message == NULL) {
    info->err->format_message((j_common_ptr)info, reader->damage_message);
  } else {
    snprintf(reader->damage_message, sizeof(reader->damage_message), "%s", message);
  }
}

static void record_error(struct jpeg_reader *reader, const char *message) {
  reader->errors.msg_code = JMSG_NOMESSAGE;
  snprintf(reader->message, sizeof(reader->message), "%s", message);
}

// Whether the scan that starts now refines a coefficient that has not been sent up to the bit before. If the scan sends
// the coefficient again from the start instead, nothing is missing. The message names the component and the coefficient.
static int misses_bits(const struct jpeg_decompress_struct *info) {
  int component = info->err->msg_parm.i[0], coefficient = info->err->msg_parm.i[1];
  if (info->Ah == 0 || coefficient < info->Ss || coefficient > info->Se) return 0;
  int known = info->coef_bits[component][coefficient];
  return known < 0 || known > info->Ah;
}

static int proves_damage(const struct jpeg_decompress_struct *info) {
  switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return 1;
    case JWRN_BOGUS_PROGRESSION:
      return misses_bits(info);
    // The other warnings are about markers and about bytes between segments, not about samples.
    default:
      return 0;
  }
}

static void on_message(j_common_ptr info, int level) {
  // Warnings have the level -1, traces have higher levels.
  if (level < 0 && proves_damage((j_decompress_ptr)info)) record_damage(reader_of(info), NULL);
}

static void on_fatal_error(j_common_ptr info) {
  struct jpeg_reader *reader = reader_of(info);
  info->err->format_message(info, reader->message);
  longjmp(reader->fatal, 1);
}

// libjpeg's default writes to stderr.
static void ignore_message(j_common_ptr info) {
  (void)info;
}

static enum jpeg_reader_status status_of_error(const struct jpeg_reader *reader) {
  switch (reader->errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
      return JPEG_READER_OUT_OF_MEMORY;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    // The height is 0, because a later segment defines it (ITU-T T.81, B.2.5).
    case JERR_EMPTY_IMAGE:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
      return JPEG_READER_UNSUPPORTED;
    default:
      return JPEG_READER_INVALID;
  }
}

static void do_nothing(j_decompress_ptr info) {
  (void)info;
}

static boolean on_end_of_input(j_decompress_ptr info) {
  static const JOCTET end_of_image[2] = {0xff, JPEG_EOI};
  struct jpeg_reader *reader = reader_of((j_common_ptr)info);
  // A segment is incomplete, or another segment is missing.
  if (reader->position == BETWEEN_SCANS) ERREXIT(info, JWRN_JPEG_EOF);
  // If the end of the tables is missing, nothing else may be missing.
  if (reader->position == IN_TABLES) reader->position = BETWEEN_SCANS;
  if (reader->position == IN_SCAN) {
    reader->has_ended = 1;
    // The Huffman decoder reports missing bits. The arithmetic decoder reads zeros after the end of the data, as the
    // standard requires, so a truncated scan can look like a complete scan (ITU-T T.81, D.2.6).
    if (info->arith_code) {
      info->err->msg_code = JWRN_JPEG_EOF;
      record_damage(reader, NULL);
    }
  }
  info->src->next_input_byte = end_of_image;
  info->src->bytes_in_buffer = sizeof(end_of_image);
  return TRUE;
}

static void skip_input(j_decompress_ptr info, long count) {
  struct jpeg_source_mgr *source = info->src;
  if (count <= 0) return;
  size_t skipped = (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
}

static void set_input(struct jpeg_reader *reader, const uint8_t *bytes, size_t size, enum position position) {
  reader->source.next_input_byte = bytes;
  reader->source.bytes_in_buffer = size;
  reader->position = position;
}

struct jpeg_reader *jpeg_reader_new(void) {
  return calloc(1, sizeof(struct jpeg_reader));
}

void jpeg_reader_free(struct jpeg_reader *reader) {
  // This function also accepts an object that jpeg_create_decompress() has not initialized, if all its bytes are 0.
  jpeg_destroy_decompress(&reader->info);
  free(reader);
}

static void create_decompressor(struct jpeg_reader *reader) {
  struct jpeg_decompress_struct *info = &reader->info;
  info->err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = on_fatal_error;
  reader->errors.emit_message = on_message;
  reader->errors.output_message = ignore_message;
  info->client_data = reader;
  jpeg_create_decompress(info);
  reader->source.init_source = do_nothing;
  reader->source.fill_input_buffer = on_end_of_input;
  reader->source.skip_input_data = skip_input;
  reader->source.resync_to_restart = jpeg_resync_to_restart;
  reader->source.term_source = do_nothing;
  info->src = &reader->source;
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
    bytes += round_up(component->width_in_blocks, (uint64_t)component->h_samp_factor) *
             round_up(component->height_in_blocks, (uint64_t)component->v_samp_factor) * unit_bytes;
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
  if (setjmp(reader->fatal)) return status_of_error(reader);
  create_decompressor(reader);
  if (tables != NULL) {
    set_input(reader, tables, tables_size, IN_TABLES);
    if (jpeg_read_header(info, FALSE) != JPEG_HEADER_TABLES_ONLY) {
      record_error(reader, "the separate tables contain an image");
      return JPEG_READER_INVALID;
    }
  }
  set_input(reader, file, file_size, BETWEEN_SCANS);
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
  if (setjmp(reader->fatal)) return status_of_error(reader);
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
    if (bits[0] < 0) reader->has_all_components = 0;
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
    enum jpeg_reader_status status = status_of_error(reader);
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

  // A progressive file may omit low bits and high frequencies (ITU-T T.81, G.1.1.1.1 requires only the DC
  // coefficients). Without the marker at the end, they are missing.
  if (is_interrupted && !reader->has_all_bits) record_damage(reader, reader->message);
  if (reader->has_ended && !reader->has_all_bits) {
    info->err->msg_code = JWRN_JPEG_EOF;
    record_damage(reader, NULL);
  }
  if (!reader->has_all_components) record_damage(reader, "a component has no scan");
  return JPEG_READER_OK;
}

static enum jpeg_reader_status keep_rows(struct jpeg_reader *reader) {
  enum jpeg_reader_status status = status_of_error(reader);
  if (reader->info.output_scanline == 0 || status == JPEG_READER_OUT_OF_MEMORY) return status;
  record_damage(reader, reader->message);
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
    if (jpeg_read_scanlines(info, rows, count) == 0) {
      record_error(reader, "libjpeg returned no rows");
      return JPEG_READER_INVALID;
    }
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
    if (jpeg_read_raw_data(info, arrays, rows_per_call) == 0) {
      record_error(reader, "libjpeg returned no rows");
      return JPEG_READER_INVALID;
    }
  }
  return JPEG_READER_OK;
}

const char *jpeg_reader_message(const struct jpeg_reader *reader) {
  return reader->message;
}

struct jpeg_reader_damage jpeg_reader_damage(const struct jpeg_reader *reader) {
  return reader->damage;
}

const char *jpeg_reader_damage_message(const struct jpeg_reader *reader) {
  return reader->damage_message;
}
