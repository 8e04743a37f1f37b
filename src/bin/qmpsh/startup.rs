//! Corrects what a parent process may have left wrong, before `main` and before the runtime of Rust looks at it.

use std::mem::MaybeUninit;

use nix::libc;

/// The loader calls this before `main`.
#[allow(unsafe_code, reason = "the runtime of Rust replaces closed descriptors by ones that accept everything")]
#[used]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static CORRECT: extern "C" fn() = correct;

/// Opens missing standard descriptors, so that no socket or file gets their numbers, unblocks all signals, and sets those that
/// change what system calls do.
///
/// A result that is written to a closed stdout is lost. So stdin can then not be read, and stdout and stderr cannot be written.
#[allow(unsafe_code, reason = "std and rustix have no way to set the mask and the action of a signal")]
extern "C" fn correct() {
    // SAFETY: there is only this thread, and the calls have no other preconditions. An open descriptor gets the lowest free
    // number, which is the missing one. The handler does nothing.
    unsafe {
        for (number, wrong_mode) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY), (2, libc::O_RDONLY)] {
            if libc::fcntl(number, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), wrong_mode);
            }
        }
        // A parent that handles signals in one thread may have blocked them in the others. Then neither SIGTERM nor Ctrl-C
        // would come, not even to the child processes.
        let mut none = MaybeUninit::zeroed();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
        // While it is ignored, no exit status of a child can be read.
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        // By default it ends the program when a file reaches its size limit. With a handler the write fails, and child
        // processes get the default back.
        let handler: extern "C" fn(libc::c_int) = nothing;
        if libc::signal(libc::SIGXFSZ, handler as libc::sighandler_t) == libc::SIG_IGN {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        }
    }
}

extern "C" fn nothing(_signal: libc::c_int) {}
