//! Values of which the compiler is not to know where they come from. Left to itself it keeps more of them in registers than there
//! are. On other instruction sets than x86-64's they are what they are.

/// `x`, which is not to be read, nor anything computed from it, before: at the start of a tile that would take registers that
/// are not there (8×8×8: a twelfth of the instructions).
#[inline(always)]
pub fn late<T>(x: &T) -> &T {
    #[cfg(target_arch = "x86_64")]
    #[allow(clippy::pointers_in_nomem_asm_block)] // nothing is read there
    let x = {
        let mut ptr = core::ptr::from_ref(x);
        // SAFETY: no instruction at all: the same pointer.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) ptr, options(nomem, nostack, preserves_flags));
            &*ptr
        }
    };
    x
}

/// The same pointer, which the compiler is not to count from another: of the registers that its distances take, some are not
/// there.
#[inline(always)]
pub fn apart<T>(ptr: *const T) -> *const T {
    #[cfg(target_arch = "x86_64")]
    #[allow(clippy::pointers_in_nomem_asm_block)] // nothing is read there
    let ptr = {
        let mut ptr = ptr;
        // SAFETY: no instruction at all.
        unsafe { core::arch::asm!("/* {0} */", inout(reg) ptr, options(pure, nomem, nostack, preserves_flags)) };
        ptr
    };
    ptr
}

/// `x`, of which the compiler is not to know where it comes from.
#[inline(always)]
pub fn opaque(x: isize) -> isize {
    #[cfg(target_arch = "x86_64")]
    let x = {
        let mut x = x;
        // SAFETY: no instruction at all.
        unsafe { core::arch::asm!("/* {0} */", inout(reg) x, options(pure, nomem, nostack, preserves_flags)) };
        x
    };
    x
}
