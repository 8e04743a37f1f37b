//! A QEMU whose modules on disk are of another build, as after an upgrade of its package while the VM runs: it aborts as soon as it
//! loads two of them. Nothing that the shell does by itself may have it load one.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use super::complete::{becomes, learned};
use super::shell;
use crate::support::{Program, Qemu, temporary_directory};

/// Makes QEMU look for modules at `$TEST_MODULES`, which leads to its own until the test replaces them. It goes into the process by
/// `LD_PRELOAD`, because what scripts/qemu has put in the PATH sets `QEMU_MODULE_DIR` itself.
const LOOK_THERE: &str = r#"
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void look_there(void)
{
    const char *own = getenv("QEMU_MODULE_DIR"), *there = getenv("TEST_MODULES");
    if (own && symlink(own, there)) {
        _exit(1);
    }
    setenv("QEMU_MODULE_DIR", there, 1);
}
"#;

/// A module that registers itself as each does, and lacks the symbol that has the number of QEMU's own build in its name. Source:
/// `util/module.c`.
const OF_ANOTHER_BUILD: &str = r"
void register_dso_module_init(void (*init)(void), int type);
static void init(void) {}
__attribute__((constructor)) static void load(void) { register_dso_module_init(init, 0); }
";

/// Modules that each of these QEMUs has.
const MODULES: [&str; 3] = ["hw-display-qxl.so", "hw-display-virtio-gpu.so", "hw-usb-host.so"];

#[track_caller]
fn compile(source: &str, object: &Path) {
    let file = object.with_extension("c");
    fs::write(&file, source).unwrap();
    Program::new("cc").args(["-shared", "-fPIC", "-o"]).arg(object).arg(&file).run().status(0);
}

#[test]
fn completion_loads_no_module() {
    let directory = temporary_directory();
    let at = |name: &str| directory.path().join(name);
    let (preload, modules) = (at("preload.so"), at("modules"));
    compile(LOOK_THERE, &preload);
    compile(OF_ANOTHER_BUILD, &at("module.so"));
    let mut qemu = Qemu::none()
        .env("LD_PRELOAD", preload.to_str().unwrap())
        .env("TEST_MODULES", modules.to_str().unwrap())
        .start();
    // Plays the upgrade. The link is absent where QEMU finds its modules by itself.
    let _ = fs::remove_file(&modules);
    fs::create_dir(&modules).unwrap();
    for name in MODULES {
        fs::copy(at("module.so"), modules.join(name)).unwrap();
    }

    let mut t = shell(&qemu.socket());
    learned(&mut t);
    becomes(&mut t, "device_add driver=isa-debug-e", "device_add driver=isa-debug-exit ");
    becomes(&mut t, "device_add driver=virtio-gpu-gl-p", "device_add driver=virtio-gpu-gl-pci ");
    becomes(&mut t, "object-add qom-type=iothr", "object-add qom-type=iothread ");
    becomes(&mut t, "qom-list-types implements=user-c", "qom-list-types implements=user-creatable ");
    becomes(&mut t, "device-list-properties typename=isa-debug-e", "device-list-properties typename=isa-debug-exit ");
    becomes(&mut t, "device_add driver=qxl ram", "device_add driver=qxl ram");
    t.type_keys("query-name\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    // What the shell must not send by itself does abort this QEMU.
    t.type_keys("qom-list-types\r");
    assert_eq!(qemu.wait().signal(), Some(6));
    t.wait(|screen| screen.text().contains("the connection"));
}
