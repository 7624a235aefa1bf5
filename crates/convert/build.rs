//! With the feature `system`, this script links the system's libwebp. `libwebp-sys` links only the library that encodes and
//! decodes still images, and not those for animations and metadata.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "system")]
    for library in ["libwebpmux", "libwebpdemux"] {
        // 1.3 is the first release with the options that we set.
        if let Err(error) = pkg_config::Config::new().atleast_version("1.3").probe(library) {
            println!(
                "cargo::error=the feature `system` needs {library} >= 1.3, but pkg-config did not find it: install it \
                 (Debian: libwebp-dev), or build with the default feature `bundled`"
            );
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
        }
    }
}
