// Reads one JPEG with the libjpeg API of libjpeg-turbo. libjpeg reports a fatal error with a callback that must not
// return. The functions below call libjpeg and return a status instead, so no longjmp crosses a frame of the caller.

#ifndef JPEG_READER_H
#define JPEG_READER_H

#include <stddef.h>
#include <stdint.h>

struct jpeg_reader;

enum jpeg_reader_status {
  JPEG_READER_OK = 0,
  // The file is invalid. jpeg_reader_message() returns the reason. The same applies to the next status.
  JPEG_READER_INVALID = 1,
  // The file uses a feature that libjpeg does not support.
  JPEG_READER_UNSUPPORTED = 2,
  JPEG_READER_OUT_OF_MEMORY = 3,
  JPEG_READER_TOO_MANY_SCANS = 4,
};

// The largest number of components that this reader describes and decodes.
#define JPEG_READER_COMPONENTS 4

struct jpeg_reader_header {
  // In pixels.
  uint32_t width;
  uint32_t height;
  uint32_t components;
  // Bits per sample.
  uint32_t precision;
  // A J_COLOR_SPACE: libjpeg's guess, which follows the markers and the component IDs.
  uint32_t color_space;
  // The following three are 0 or 1.
  uint32_t is_progressive;
  uint32_t is_lossless;
  uint32_t has_several_scans;
  // The sampling factors of the components (ITU-T T.81, A.1.1). 0 for components that the file does not have.
  uint32_t horizontal[JPEG_READER_COMPONENTS];
  uint32_t vertical[JPEG_READER_COMPONENTS];
  // The maximum number of bytes that libjpeg allocates, without the output.
  uint64_t working_bytes;
};

enum jpeg_reader_output {
  JPEG_READER_PIXELS = 0,
  JPEG_READER_HALF_PIXELS = 1,
  // Only for a lossy file with three components.
  JPEG_READER_PLANES = 2,
};

struct jpeg_reader_layout {
  // Of the output, in pixels.
  uint32_t width;
  uint32_t height;
  // Bytes per pixel. 0 for planes.
  uint32_t channels;
  // The samples per row and the rows of each plane, which are multiples of 8. 0 for pixels.
  uint32_t strides[3];
  uint32_t rows[3];
};

struct jpeg_reader_damage {
  // 1 if the numbers below are valid.
  uint32_t is_damaged;
  // For a file with one scan: the rows of the stored image above the first damage.
  uint32_t rows;
  // For a file with several scans: the scans before the first damage.
  uint32_t scans;
};

// Returns null if memory is exhausted. All other functions need a reader from this function.
struct jpeg_reader *jpeg_reader_new(void);
void jpeg_reader_free(struct jpeg_reader *reader);

// Reads the file up to the first scan. The file must stay valid as long as the reader. `tables` is null or a JPEG that
// contains only tables, which is not used after the call.
enum jpeg_reader_status jpeg_reader_read_header(struct jpeg_reader *reader, const uint8_t *tables, size_t tables_size,
                                                const uint8_t *file, size_t file_size,
                                                struct jpeg_reader_header *header);

// Prepares the output. Call it after jpeg_reader_read_header(). The number of components must fit `color_space`, a
// J_COLOR_SPACE.
enum jpeg_reader_status jpeg_reader_start(struct jpeg_reader *reader, uint32_t color_space,
                                          enum jpeg_reader_output output, struct jpeg_reader_layout *layout);

// Reads all scans of a file with several scans. Call it after jpeg_reader_start().
enum jpeg_reader_status jpeg_reader_read_scans(struct jpeg_reader *reader, uint32_t max_scans);

// Writes width * height * channels bytes. Call it after jpeg_reader_read_scans(), if the output is not planes.
enum jpeg_reader_status jpeg_reader_read_pixels(struct jpeg_reader *reader, uint8_t *pixels);

// Writes strides[n] * rows[n] bytes to each of the planes. Call it after jpeg_reader_read_scans(), if the output is
// planes.
enum jpeg_reader_status jpeg_reader_read_planes(struct jpeg_reader *reader, uint8_t *y, uint8_t *cb, uint8_t *cr);

// Returns the text of the last error.
const char *jpeg_reader_message(const struct jpeg_reader *reader);
// Returns the first damage, and its text.
struct jpeg_reader_damage jpeg_reader_damage(const struct jpeg_reader *reader);
const char *jpeg_reader_damage_message(const struct jpeg_reader *reader);

#endif
