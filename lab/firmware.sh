# shellcheck shell=bash
# What a machine with Secure Boot starts from. It is a folder: the firmware's code, its variables, which
# it writes, and disk/, the files of the disk that it boots. Microsoft's keys are in the variables,
# shim has a signature by one of them, and knows Debian's, which signed GRUB and the kernel.

# lay_out_firmware FOLDER LAYER ROOT ARGUMENTS: all of that, but for variables that are there; LAYER
# is lab/layers/secureboot's, and the kernel is ROOT's as Debian has signed it, with those ARGUMENTS.
lay_out_firmware() {
	local folder=$1 share=$2/layer/usr root=$3 disk=$1/disk
	mkdir -p "$disk"/EFI/{BOOT,debian}
	cp "$share/share/OVMF/OVMF_CODE_4M.secboot.fd" "$folder/code"
	[ -e "$folder/variables" ] || cp "$share/share/OVMF/OVMF_VARS_4M.ms.fd" "$folder/variables"
	cp "$share/lib/shim/shimx64.efi.signed" "$disk/EFI/BOOT/BOOTX64.EFI"
	cp "$share/lib/shim/mmx64.efi.signed" "$disk/EFI/BOOT/mmx64.efi"
	cp "$share/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$disk/EFI/BOOT/grubx64.efi"
	cp "$root/root/boot"/vmlinuz-* "$disk/vmlinuz"
	cp "$root/initrd" "$disk/initrd"
	printf '%s\n' "linux /vmlinuz $4" "initrd /initrd" boot >"$disk/EFI/debian/grub.cfg"
}

# firmware_options FOLDER: sets firmware to QEMU's options. Only the firmware, in system management
# mode, may write the variables; and /dev/vd? are the lab's own disks.
firmware_options() {
	# shellcheck disable=SC2034 # the scripts use it
	firmware=(-machine smm=on -global "driver=cfi.pflash01,property=secure,value=on"
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=$1/code"
		-drive "if=pflash,unit=1,format=raw,file=$1/variables"
		-drive "if=none,id=esp,format=raw,readonly=on,file=fat:$1/disk"
		-device virtio-scsi -device "scsi-hd,drive=esp")
}
