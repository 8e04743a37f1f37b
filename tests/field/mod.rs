//! Inputs that people brought from elsewhere: from scripts for socat, from qmp-shell, the human monitor and QEMU's command line.
//!
//! A file holds one kind of situation, a test one situation. Each was seen in public: it works, or the error says in one line how
//! to write it here. CONTRIBUTING.md says how to add one.

mod agent_scripts;
mod blame;
mod descriptors;
mod habits;
mod hints;
mod hmp_failures;
mod limits;
mod python_literals;
mod replies;
mod secrets;
mod share;
mod socat_scripts;
mod system;
