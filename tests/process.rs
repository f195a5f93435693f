//! What needs a process of its own: a forced instruction set, and accesses that must crash.
#![cfg(feature = "std")]

mod support;

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use lapidary::{Error, Gemm, Isa, Linear, MatMut, MatRef, Threads, machine};
use support::cases::Product;
use support::matrix::{Matrix, Place, ROW, guards};

const CHILD: &str = "LAPIDARY_TEST_CHILD";

/// What this process is to do if a test has started it.
fn child() -> Option<String> {
    env::var(CHILD).ok()
}

/// Runs a test of this binary again, as a child that is to do `what`, under cargo's runner (an emulator) if there is one.
fn again(test: &str, what: &str, isa: Option<&OsStr>) -> Output {
    let triple = format!("{}_UNKNOWN_LINUX_GNU", env::consts::ARCH.to_uppercase());
    let runner = env::var(format!("CARGO_TARGET_{triple}_RUNNER")).unwrap_or_default();
    let exe = env::current_exe().unwrap();
    let mut words = runner.split_whitespace().map(str::to_owned).chain([exe.to_str().unwrap().to_owned()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--exact", test, "--nocapture"]).env(CHILD, what).env_remove("LAPIDARY_ISA");
    command.envs(isa.map(|isa| ("LAPIDARY_ISA", isa))).output().unwrap()
}

/// Every instruction set can be asked for; each call tells if it is not there.
#[test]
fn forced_instruction_sets() {
    if child().is_some() {
        return forced();
    }
    let mut names: Vec<(Option<&OsStr>, String)> = Vec::new();
    for isa in Isa::ALL {
        let answer = match isa.is_available() {
            true => format!("runs {isa}"),
            false => format!("LAPIDARY_ISA asks for {isa}, which this machine or this build does not have"),
        };
        names.push((Some(isa.name().as_ref()), answer));
    }
    let best = Isa::ALL.into_iter().find(|isa| isa.is_available()).unwrap();
    names.push((None, format!("runs {best}")));
    for unknown in [&b""[..], b"sse2", b"AVX2", b"avx2 ", b"\xFF"] {
        names.push((
            Some(OsStr::from_bytes(unknown)),
            "LAPIDARY_ISA must be one of avx512, avx2, neon or portable".to_owned(),
        ));
    }
    for (isa, answer) in names {
        let output = again("forced_instruction_sets", "product", isa);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(&format!("<{answer}>")), "{isa:?}: not {answer}: {output:?}");
    }
}

/// Prints what the machine runs, or the error, which is that of each call.
fn forced() {
    let data = [1.0f32; 4];
    let x = MatRef::row_major(&data, 2, 2).unwrap();
    let [mut c, mut y, mut db] = [[7.0f32; 4]; 3];
    let product = Gemm::new(x, x).run(MatMut::row_major(&mut c, 2, 2).unwrap());
    let forward = Linear::new(x).forward(x, MatMut::row_major(&mut y, 2, 2).unwrap());
    let backward = Linear::new(x).backward(x).db(&mut db[..2]).run();
    let expected: Result<(), Error> = machine().map(|_| ());
    assert_eq!((&product, &forward, &backward), (&expected, &expected, &expected));
    match machine() {
        Ok(machine) => {
            assert_eq!((c, y, db), ([2.0; 4], [2.0; 4], [2.0, 2.0, 7.0, 7.0]));
            Product { beta: -0.5, ..Product::new(37, 53, 1100) }.check_gemm::<f32>(Threads::Auto);
            Product { beta: -0.5, ..Product::new(37, 53, 600) }.check_gemm::<f64>(Threads::Auto);
            println!("<runs {}>", machine.isa);
        }
        Err(error) => {
            assert_eq!((c, y, db), ([7.0; 4], [7.0; 4], [7.0; 4]));
            println!("<{error}>");
        }
    }
}

/// The guard pages of the other tests work: the first element outside crashes, for a plain access and for a product.
#[test]
fn guard_pages_crash() {
    if let Some(what) = child() {
        return access(&what);
    }
    if !guards() {
        return;
    }
    for what in ["nothing", "read after", "read before", "write after", "product after", "product before"] {
        let output = again("guard_pages_crash", what, None);
        let crashed = output.status.signal() == Some(libc::SIGSEGV);
        assert_eq!(crashed, what != "nothing", "{what}: {output:?}");
        assert!(crashed || output.status.success(), "{what}: {output:?}");
    }
}

fn access(what: &str) {
    let place = if what.ends_with("before") { Place::Start } else { Place::End };
    let mut a = Matrix::<f32>::new(3, 5, ROW, place, || 1.0);
    let first = a.ptr();
    // SAFETY: none: all but "nothing" leave the matrix.
    unsafe {
        match what {
            "read after" => drop(first.add(15).read_volatile()),
            "read before" => drop(first.sub(1).read_volatile()),
            "write after" => a.ptr_mut().add(15).write_volatile(1.0),
            "product after" => product(MatRef::from_raw_parts(first, 4, 5, 5, 1)),
            "product before" => product(MatRef::from_raw_parts(first.sub(1), 3, 5, 5, 1)),
            _ => product(a.view()),
        }
    }
}

fn product(a: MatRef<'_, f32>) {
    let (b, mut c) = ([1.0; 5], [0.0; 4]);
    let c = MatMut::row_major(&mut c, a.rows(), 1).unwrap();
    Gemm::new(a, MatRef::row_major(&b, 5, 1).unwrap()).run(c).unwrap();
}
