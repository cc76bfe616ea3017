"""What is in the way of using a real card, each with its remedy in one line; for `tipring detect` and `tipring check`.

Commands and packages are those of Debian 12: the kernel module comes from dahdi-dkms (built anew for each kernel, where
its headers are installed) or dahdi-source (built by module-assistant), tools and udev rules from dahdi and dahdi-linux.
Debian ships no service that numbers the spans: conf/systemd/tipring-dahdi.service does. Serves the integrator.
"""

from __future__ import annotations

from drivers.detect import Found, Kernel, ranges

INSTALL = "apt-get install dahdi dahdi-linux dahdi-dkms linux-headers-amd64"
FOR_ONE_KERNEL = "apt-get install linux-headers-{0} && dkms autoinstall -k {0}"


INSTALL_PAGE = f"""
Real cards need the DAHDI driver in the kernel. On Debian 12, as root:
真实板卡需要内核驱动 DAHDI。Debian 12 上的安装步骤（以 root 身份）：

  1. {INSTALL}
     Compiles the module for this kernel, and anew for each one that follows (dkms).    编译内核模块，升级后自动重编
     Without dkms: apt-get install dahdi-source module-assistant && m-a a-i dahdi, and again for each new kernel.
  2. modprobe dahdi, then the card's own driver, e.g. modprobe wctdm24xxp (docs/cards.md)     加载驱动
  3. tipring detect --describe "4 FXO, China" --write /etc/dahdi/system.conf     生成驱动配置
  4. cp conf/systemd/tipring-dahdi.service /etc/systemd/system/ && systemctl enable --now tipring-dahdi
     Numbers the spans and runs dahdi_cfg at each start.     开机时给 E1 端口（span）编号并配置
  5. adduser tipring dialout     设备权限
  6. tipring detect     再看一遍
"""
"""Printed where DAHDI is not loaded."""


def obstacles(found: Found) -> list[str]:
    """Every reason, in the order in which it is to be mended; none: cards can be used."""
    faults = [kernel_without_module(kernel) for kernel in found.kernels if not kernel.has_dahdi]
    if found.version is None:
        running = [kernel for kernel in found.kernels if kernel.running]
        if found.kernels and all(kernel.has_dahdi for kernel in running):
            faults.append(f"the dahdi module is not loaded: modprobe dahdi{_drivers(found)}")
        elif not found.kernels:
            faults.append(
                f"DAHDI is not installed, and this machine has no kernel of its own (a container?): on the PC with the "
                f"card: {INSTALL}"
            )
        else:
            faults.append(f"DAHDI is not loaded: after {INSTALL}: modprobe dahdi{_drivers(found)}")
        return faults
    faults += [
        f"{card.name} in slot {card.slot} has no driver: modprobe {card.module}; where that is not found: "
        "docs/cards.md says which drivers Debian's package lacks"
        for card in found.pci
        if not card.bound
    ]
    if found.device_file == "missing":
        faults.append(
            "/dev/dahdi/channel is not there: apt-get install dahdi-linux (udev rules), then: udevadm trigger"
        )
    elif found.device_file == "denied":
        faults.append(
            "/dev/dahdi/channel may not be opened by this user: adduser tipring dialout; where the file belongs to "
            "asterisk (ls -l /dev/dahdi): adduser tipring asterisk"
        )
    faults += [
        f"card {device.name} ({device.type or device.hardware_id}): {device.spans - len(device.assigned)} of "
        f"{device.spans} spans have no number: dahdi_span_assignments auto, at each start: tipring-dahdi.service"
        for device in found.devices
        if len(device.assigned) < device.spans
    ]
    if not found.spans and not found.devices:
        faults.append("DAHDI is loaded and finds no card: modprobe its driver (docs/cards.md); dmesg says what it met")
    bare = [channel.number for channel in found.channels if not channel.signalling]
    if bare:
        faults.append(
            f"channels {ranges(bare)} are not configured: write /etc/dahdi/system.conf (tipring detect --describe), "
            "then: dahdi_cfg -vv"
        )
    for span in found.spans:
        if span.alarms:
            wanted = "the cable, framing and coding of" if span.digital else "the cable and power of"
            faults.append(f"span {span.number} is in alarm ({', '.join(span.alarms)}): look at {wanted} its far end")
        dead = [channel.number for channel in span.channels if channel.alarms and not span.alarms]
        if dead:
            faults.append(f"channels {ranges(dead)} have no battery: no line is plugged in, or the PBX is off")
    return faults


def kernel_without_module(kernel: Kernel) -> str:
    """One line for a kernel that was installed without the module: after its next start no card would be there."""
    when = "the running kernel" if kernel.running else "the kernel of the next start"
    return (
        f"kernel {kernel.release} ({when}) has no dahdi module: {FOR_ONE_KERNEL.format(kernel.release)} "
        f"(where DAHDI is not installed at all: {INSTALL})"
    )


def _drivers(found: Found) -> str:
    """What to load beside dahdi itself."""
    modules = sorted({card.module for card in found.pci})
    return "".join(f" && modprobe {module}" for module in modules) or " and the driver of the card (docs/cards.md)"
