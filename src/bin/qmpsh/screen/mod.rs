//! The guest's screen and keyboard.
//!
//! [`look`] reads what the guest shows, and [`keyboard`] presses keys. They return values; `builtins` prints them. [`text`] decodes
//! the memory of VGA's text mode, [`picture`] holds pixels, and [`layouts`] knows which keys type a character.

pub(crate) mod blocks;
pub(crate) mod keyboard;
pub(crate) mod layouts;
pub(crate) mod look;
mod peer;
pub(crate) mod picture;
pub(crate) mod text;

pub(crate) use peer::Problem;
