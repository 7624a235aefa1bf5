//! Compiles the C part of `native` against the headers of the libjpeg-turbo that turbojpeg-sys has compiled.

#[expect(clippy::disallowed_methods, reason = "Cargo passes the results of other build scripts in the environment")]
fn main() {
    println!("cargo::rerun-if-changed=native");
    // turbojpeg-sys separates the folders with commas.
    let includes = std::env::var("DEP_TURBOJPEG_INCLUDE").expect("turbojpeg-sys has compiled libjpeg-turbo");
    cc::Build::new()
        .files(["native/input.c", "native/messages.c", "native/reader.c"])
        .includes(includes.split(','))
        .extra_warnings(true)
        .compile("jpeg_reader");
}
