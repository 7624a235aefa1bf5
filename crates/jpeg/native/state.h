// The state of a reader, which the C files of this folder share.

#ifndef JPEG_READER_STATE_H
#define JPEG_READER_STATE_H

#include "reader.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

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

// messages.c

// Sets the callbacks for libjpeg's messages. Call it before jpeg_create_decompress().
void jpeg_reader_set_message_callbacks(struct jpeg_reader *reader);
// Records the first damage. libjpeg's last message is its reason if `message` is null.
void jpeg_reader_record_damage(struct jpeg_reader *reader, const char *message);
// Records an error that does not come from libjpeg. Its status is JPEG_READER_INVALID.
enum jpeg_reader_status jpeg_reader_record_error(struct jpeg_reader *reader, const char *message);
// Returns the status of libjpeg's last error.
enum jpeg_reader_status jpeg_reader_status_of_error(const struct jpeg_reader *reader);

// input.c

// Sets the callbacks for libjpeg's input. Call it after jpeg_create_decompress().
void jpeg_reader_set_input_callbacks(struct jpeg_reader *reader);
// Makes libjpeg read these bytes next.
void jpeg_reader_set_input(struct jpeg_reader *reader, const uint8_t *bytes, size_t size, enum position position);

#endif
