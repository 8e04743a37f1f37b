//! Situations from public reports and threads of people who drive QEMU, one file a kind.

mod habits;
