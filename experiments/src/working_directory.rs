//! A working directory that was deleted, found out before libtorch's libraries
//! start: of one they say that they cannot load themselves, and end the process.

use std::io::{Error, ErrorKind};

const MESSAGE: &str =
    "error: the working directory cannot be found: it was deleted; change to another one\n";

/// Run by the dynamic linker before the initializers of the libraries.
#[used]
// SAFETY: the section holds pointers to functions, and this one relies on nothing
// that is set up later.
#[unsafe(link_section = ".preinit_array")]
static CHECK: extern "C" fn() = check;

extern "C" fn check() {
    let mut path = [0_u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer is as long as is said.
    let found = unsafe { libc::getcwd(path.as_mut_ptr().cast(), path.len()) };
    if found.is_null() && Error::last_os_error().kind() == ErrorKind::NotFound {
        // SAFETY: the message is as long as is said, and the process ends.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(2);
        }
    }
}
