// Receives libjpeg's messages: fatal errors end the current call, and warnings can prove damage.

#include "state.h"

#ifndef D_ARITH_CODING_SUPPORTED
#error "libjpeg-turbo was compiled without arithmetic decoding"
#endif

// Whether the scan that starts now refines a coefficient whose higher bits have not been sent. If the scan sends the
// coefficient again from the start instead, nothing is missing. The message contains the component and the coefficient.
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
  if (level < 0 && proves_damage((j_decompress_ptr)info)) jpeg_reader_record_damage(info->client_data, NULL);
}

static void on_fatal_error(j_common_ptr info) {
  struct jpeg_reader *reader = info->client_data;
  info->err->format_message(info, reader->message);
  longjmp(reader->fatal, 1);
}

// libjpeg's default writes to stderr.
static void ignore_message(j_common_ptr info) {
  (void)info;
}

void jpeg_reader_set_message_callbacks(struct jpeg_reader *reader) {
  reader->info.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = on_fatal_error;
  reader->errors.emit_message = on_message;
  reader->errors.output_message = ignore_message;
  reader->info.client_data = reader;
}

void jpeg_reader_record_damage(struct jpeg_reader *reader, const char *message) {
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

enum jpeg_reader_status jpeg_reader_record_error(struct jpeg_reader *reader, const char *message) {
  snprintf(reader->message, sizeof(reader->message), "%s", message);
  return JPEG_READER_INVALID;
}

enum jpeg_reader_status jpeg_reader_status_of_error(const struct jpeg_reader *reader) {
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

const char *jpeg_reader_message(const struct jpeg_reader *reader) {
  return reader->message;
}

struct jpeg_reader_damage jpeg_reader_damage(const struct jpeg_reader *reader) {
  return reader->damage;
}

const char *jpeg_reader_damage_message(const struct jpeg_reader *reader) {
  return reader->damage_message;
}
