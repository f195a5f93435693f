//! The second call of a kind allocates nothing. One test, since all threads of the process are counted.
#![cfg(feature = "std")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use lapidary::{Activation, Epilogue, Gated, Gemm, Linear, MatMut, MatRef, Threads};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What the operands are cut from, and the outputs.
const DATA: &[f32] = &[0.5; 1 << 20];
type Out = [Vec<f32>; 3];

fn out() -> Out {
    [(); 3].map(|()| vec![0.0; 1 << 20])
}

fn input(rows: usize, cols: usize) -> MatRef<'static, f32> {
    MatRef::row_major(DATA, rows, cols).unwrap()
}

fn output(data: &mut [f32], rows: usize, cols: usize) -> MatMut<'_, f32> {
    MatMut::row_major(data, rows, cols).unwrap()
}

type Call = (&'static str, fn(Threads, &mut Out));

const CALLS: [Call; 12] = [
    ("tiny", |t, [c, ..]| Gemm::new(input(8, 8), input(8, 8)).threads(t).run(output(c, 8, 8)).unwrap()),
    ("in place", |t, [c, ..]| Gemm::new(input(90, 90), input(90, 90)).threads(t).run(output(c, 90, 90)).unwrap()),
    ("packed", |t, [c, ..]| Gemm::new(input(300, 900), input(900, 700)).threads(t).run(output(c, 300, 700)).unwrap()),
    ("transposed", |t, [c, ..]| {
        Gemm::new(input(700, 300).t(), input(300, 700).t()).threads(t).run(output(c, 300, 300).t()).unwrap()
    }),
    ("through the stack", |t, [c, ..]| {
        let c = MatMut::strided(c, 90, 90, 270, 3).unwrap();
        Gemm::new(input(90, 90), input(90, 90)).threads(t).run(c).unwrap()
    }),
    ("deep", |t, [c, ..]| Gemm::new(input(8, 20000), input(20000, 8)).threads(t).run(output(c, 8, 8)).unwrap()),
    ("deep and packed", |t, [c, ..]| {
        Gemm::new(input(8, 20000), input(8, 20000).t()).threads(t).run(output(c, 8, 8)).unwrap()
    }),
    ("epilogue", |t, [c, z, ..]| {
        let epilogue = Epilogue::new().bias(&DATA[..70]).activation(Activation::Silu);
        let gemm = Gemm::new(input(90, 80), input(80, 70)).threads(t).epilogue(&epilogue);
        gemm.run_saving(output(c, 90, 70).t().t(), MatMut::strided(z, 90, 70, 140, 2).unwrap()).unwrap()
    }),
    ("gated", |t, [y, ..]| {
        let layer = Linear::new(input(300, 200)).activation(Activation::Silu).threads(t);
        Gated::new(layer, layer).forward(input(64, 300), output(y, 64, 200)).unwrap()
    }),
    ("backward through an activation", |t, [dx, dw, db]| {
        Linear::new(input(300, 200))
            .activation(Activation::Gelu)
            .threads(t)
            .backward(input(3000, 200))
            .pre_activation(input(3000, 200))
            .dx(output(dx, 3000, 300))
            .add_dw(input(3000, 300), output(dw, 300, 200))
            .db(&mut db[..200])
            .run()
            .unwrap()
    }),
    ("forward", |t, [y, ..]| {
        Linear::new(input(300, 200)).bias(&DATA[..200]).threads(t).forward(input(64, 300), output(y, 64, 200)).unwrap()
    }),
    ("backward", |t, [dx, dw, db]| {
        Linear::new(input(300, 200))
            .threads(t)
            .backward(input(64, 200))
            .dx(output(dx, 64, 300))
            .add_dw(input(64, 300), output(dw, 300, 200))
            .db(&mut db[..200])
            .run()
            .unwrap()
    }),
];

fn check(threads: Threads, out: &mut Out) {
    for (name, call) in CALLS {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        (0..3).for_each(|_| call(threads, out));
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocations, 0, "{name} on {threads:?}");
    }
}

#[test]
fn nothing_is_allocated_twice() {
    let mut outs = out();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    CALLS.iter().for_each(|(_, call)| call(Threads::Serial, &mut outs));
    assert!(ALLOCATIONS.load(Ordering::Relaxed) > before, "the counter counts");
    check(Threads::Serial, &mut outs);

    #[cfg(feature = "rayon")]
    {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        for threads in [Threads::Exactly(2), Threads::Auto] {
            // Each thread of the pool gets its buffer, whichever would have taken which task.
            pool.broadcast(|_| {
                let mut outs = out();
                CALLS.iter().for_each(|(_, call)| call(threads, &mut outs));
            });
            pool.install(|| check(threads, &mut outs));
        }
    }
}
