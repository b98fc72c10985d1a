# SPDX-License-Identifier: GPL-2.0-only
# In the lab: VMs of images of vhctl's store on $device, which is /dev/vh or /dev/kvm
if [ $device = /dev/kvm ]; then modprobe kvm-intel || exit 2; else insmod ./vh.ko || exit 2; fi
export VH_STORE=/srv/images
mkdir -p /srv
vm() { ./vhctl run --device $device "$@" </dev/null >said 2>&1; }
says() { grep -q "$1" said || { cat said; return 1; }; }
refused() { # WORDS OPTIONS...
	local words=$1
	shift
	! vm "$@" && grep -q -- "$words" said || { cat said; return 1; }
}
digest() { ./vhctl image show -j $1 | sed -n 's/.*"digest": *"\([^"]*\)".*/\1/p'; }
overlays() { ls $VH_STORE/files | grep -c ^run-; }

dd if=/bin/busybox of=raw bs=64k count=4 2>/dev/null
truncate -s 16M raw
check "an image with its kernel" ./vhctl image import --format raw --kernel vmlinux --initrd initrd --memory 192M --cpus 2 \
	--cmdline "$cmdline" raw small:1
check "a tag" ./vhctl image tag small:1 small
first=$(digest small)
check "it has a digest" [ -n "$first" ]
check "no such image" refused "none" none
check "a name to keep and no image" refused "is for an image" --keep x --disk raw
check "two images" refused "unexpected argument" small small
check "a VM of it" vm small
check "boots its kernel, from it" says "guest: the image's"
check "has its size" says "guest: cpus 2, 1[3-9][0-9] MiB"
check "and writes" says "guest: written"
check "a second one finds nothing of that" vm small
check "nothing" says "guest: nobody was here"
check "the image is as it was" ./vhctl image verify small
check "by its digest, too" [ "$(digest small)" = "$first" ]
check "and nothing is left" [ "$(overlays)" = 0 ]
check "another size, if one says so" vm small --cpus 1 --memory 160M
check "so it is" says "guest: cpus 1, 1[01][0-9] MiB"
check "one that stays" vm --keep mine small
check "is a new image" ./vhctl image show mine
check "run again" vm mine
check "has what was written" says "guest: somebody was here"
check "and lost what was overwritten" sh -c "! grep -q \"guest: the image's\" said"
check "the name is taken" refused "mine" --keep mine small
check "the base is needed" sh -c "! ./vhctl image rm small:1 small 2>said"
if [ $device = /dev/vh ]; then
	began() { # NAME: a VM of a description, which ends by itself; its log is said
		./vhctl start --config $1.conf $1 || return 1
		uuid=$(./vhctl show -j $1 | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
		n=0; until ./vhctl ls $1 | grep -q defined || [ $n = 600 ]; do usleep 100000; n=$((n + 1)); done
		cp /run/vh/$uuid.log said; [ $n -lt 600 ]
	}
	echo "image = small" >sealed.conf
	check "in the background, by a description" began sealed
	check "it has the image's size" sh -c "./vhctl ls sealed | grep -q 'defined *2 *192M'"
	check "boots its kernel" says "guest: cpus 2, 1[3-9][0-9] MiB"
	check "writes" says "guest: written"
	check "where nobody was" says "guest: nobody was here"
	gone() { n=0; until [ "$(overlays)" = 0 ] || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done; [ $n -lt 100 ]; }
	check "and its overlay goes with it" gone
	printf 'image = mine\nmemory = 160M\n' >writable.conf
	check "a writable one" began writable
	check "keeps what is written" says "guest: somebody was here"
	check "they go" ./vhctl destroy sealed writable
	echo "image = none" >none.conf
	check "no such image, no VM" sh -c "! ./vhctl start --config none.conf none 2>said && grep -q \"no image 'none'\" said && ! ./vhctl show none"
fi
echo "#cloud-config of a test" >user
check "a seed" vm --cloud-init user --hostname web small
check "is read" says "#cloud-config of a test"
check "and only read" says "guest: it is only read"
check "no such user-data" refused "none" --cloud-init none small
check "no overlay is left by what failed" [ "$(overlays)" = 0 ]
# killed: what it leaves, gc finds
./vhctl run --device $device small </dev/null >said 2>&1 &
n=0
until grep -q "guest: written" said || [ $n = 600 ]; do usleep 50000; n=$((n + 1)); done
kill -9 $!
wait $! 2>/dev/null
n=0
while pidof qemu-storage-daemon >/dev/null && [ $n -lt 100 ]; do usleep 50000; n=$((n + 1)); done
check "gc after a kill" ./vhctl image gc
check "nothing is left" [ "$(overlays)" = 0 ]
check "and the store is whole" ./vhctl image verify
echo "$passed passed, $failed failed"
[ $failed = 0 ]
