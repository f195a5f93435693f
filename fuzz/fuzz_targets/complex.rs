//! Any complex product against the model: `RUSTC_BOOTSTRAP=1 cargo fuzz run complex fuzz/corpus/complex fuzz/seeds/complex`.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::Choose;
use support::complex::Case;

fuzz_target!(|choices: [u8; 48]| {
    let mut choices = choices.into_iter().map(u64::from);
    let wide = choices.below(2) == 1;
    let shape = (choices.below(40), choices.below(40), choices.below(40));
    let mut case = Case::draw(shape, &mut choices);
    if choices.below(16) == 15 {
        case.shape.2 = 8 * choices.below(100);
    }
    if wide { case.check::<f64>() } else { case.check::<f32>() }
});
