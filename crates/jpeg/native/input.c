// Gives a file in memory to libjpeg.

#include "state.h"

static void do_nothing(j_decompress_ptr info) {
  (void)info;
}

static boolean on_end_of_input(j_decompress_ptr info) {
  static const JOCTET end_of_image[2] = {0xff, JPEG_EOI};
  struct jpeg_reader *reader = info->client_data;
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
      jpeg_reader_record_damage(reader, NULL);
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

void jpeg_reader_set_input_callbacks(struct jpeg_reader *reader) {
  reader->source.init_source = do_nothing;
  reader->source.fill_input_buffer = on_end_of_input;
  reader->source.skip_input_data = skip_input;
  reader->source.resync_to_restart = jpeg_resync_to_restart;
  reader->source.term_source = do_nothing;
  reader->info.src = &reader->source;
}

void jpeg_reader_set_input(struct jpeg_reader *reader, const uint8_t *bytes, size_t size, enum position position) {
  reader->source.next_input_byte = bytes;
  reader->source.bytes_in_buffer = size;
  reader->position = position;
}
