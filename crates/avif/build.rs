//! With the feature `system`, this script finds the system's libavif with pkg-config and generates bindings from its
//! headers.

fn main() {
    println!("cargo::rerun-if-changed=native.h");
    #[cfg(feature = "system")]
    system::generate_bindings();
}

#[cfg(feature = "system")]
mod system {
    use std::path::PathBuf;

    #[expect(clippy::disallowed_methods, reason = "Cargo passes the output folder to build scripts in the environment")]
    pub(crate) fn generate_bindings() {
        // libavif 1.3 is the first release that supports the SVT-AV1 and libaom options that we set.
        let library = match pkg_config::Config::new().atleast_version("1.3").probe("libavif") {
            Ok(library) => library,
            Err(error) => {
                println!(
                    "cargo::error=the feature `system` needs libavif >= 1.3, but pkg-config did not find it: install it \
                     (Debian: libavif-dev), or build with the default feature `bundled`"
                );
                for line in error.to_string().lines() {
                    println!("cargo::error={line}");
                }
                return;
            }
        };
        let includes = library.include_paths.iter().map(|path| format!("-I{}", path.display()));
        let bindings = bindgen::builder()
            .header("native.h")
            .clang_args(includes)
            .allowlist_item("avif.*|AVIF_.*")
            .prepend_enum_name(false)
            .generate()
            .expect("avif.h is valid C");
        let out: PathBuf = std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR for build scripts").into();
        bindings.write_to_file(out.join("libavif.rs")).expect("OUT_DIR is writable");
    }
}
