//! A C program, linked to the library in both ways, with reports of its own and with the library's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the libraries of this build are: beside this program.
fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// How programs link the library.
const SHARED: &str = "-llapidary_cblas";
const ARCHIVE: &str = "-l:liblapidary_cblas.a";

fn run(name: &str, options: &[&str], link: &str) -> Output {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (libraries, program) = (libraries(), Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
    let mut compile = Command::new("cc");
    compile.args(["-std=c11", "-Wall", "-Wextra", "-Wno-enum-conversion", "-O1"]).arg("-I").arg(here.join("include"));
    if cfg!(feature = "ilp64") {
        compile.arg("-DLAPIDARY_ILP64");
    }
    compile.arg(here.join("tests/blas.c")).args(options).arg("-L").arg(&libraries);
    compile.args([link, "-lpthread", "-ldl", "-lm", "-o"]).arg(&program);
    let compiled = compile.output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Command::new(program).env("LD_LIBRARY_PATH", &libraries).output().unwrap()
}

fn assert_right(output: &Output) {
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn shared() {
    let output = run("shared", &[], SHARED);
    assert_right(&output);
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn archive() {
    let output = run("archive", &[], ARCHIVE);
    assert_right(&output);
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// Without functions of its own, the program gets those of the library, which print and return.
#[test]
fn reports() {
    for (name, link) in [("reports-shared", SHARED), ("reports-archive", ARCHIVE)] {
        let output = run(name, &["-DNO_XERBLA"], link);
        assert_right(&output);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            told.lines().map(str::trim).collect::<Vec<_>>(),
            [
                "Parameter 9 to routine cblas_sgemm was incorrect",
                "** On entry to SGEMM parameter number 10 had an illegal value"
            ]
        );
    }
}
