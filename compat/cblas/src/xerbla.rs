//! What is told of wrong arguments, where the program does not define it: prints, and returns, where the reference stops
//! the program. The functions that call these know only their names, so that a program's own ones come first.

use core::ffi::{CStr, c_char, c_int};

use crate::Int;

/// Prints which argument of which function is wrong. (The form and what follows are for a program's own one.)
#[unsafe(no_mangle)]
unsafe extern "C" fn cblas_xerbla(argument: Int, function: *const c_char, form: *const c_char) {
    // SAFETY: the callers hand over strings.
    let [function, form] = unsafe { [function, form].map(|text| CStr::from_ptr(text).to_string_lossy()) };
    let why = form.replace("%%", "%");
    let why = if why.contains("%d") { "" } else { why.trim_end() };
    eprintln!("Parameter {argument} to routine {function} was incorrect {why}");
}

/// Prints which argument of which function is wrong.
#[unsafe(no_mangle)]
unsafe extern "C" fn xerbla_(function: *const c_char, argument: *const Int, length: c_int) {
    // SAFETY: the callers hand over as many characters, and an integer.
    let (function, argument) =
        unsafe { (core::slice::from_raw_parts(function.cast::<u8>(), length.max(0) as usize), *argument) };
    let function = String::from_utf8_lossy(function);
    eprintln!(" ** On entry to {} parameter number {argument} had an illegal value", function.trim_end());
}
