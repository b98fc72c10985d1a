# SPDX-License-Identifier: GPL-2.0-only
# In the lab: models of processors on $device, which is /dev/vh or /dev/kvm
if [ $device = /dev/kvm ]; then modprobe kvm-intel || exit 2; else insmod ./vh.ko || exit 2; fi
cpu() { ./vhctl cpu "$@" >said 2>&1; }
says() { grep -q -- "$1" said || { cat said; return 1; }; }
run="./vhctl run --device $device --kernel vmlinux --initrd initrd --memory 192M"
vm() { $run --cmdline "$cmdline" "$@" </dev/null >said 2>&1; }
refused() { local words=$1; shift; ! vm "$@" && says "$words"; }
names() { sed 's/.*"features":\[\([^]]*\)\].*/\1/; s/"//g; s/,/\n/g' $1 | sort -u; } # of a model's file
# The guest has none of the host's flags that the model lacks, and all that the model has; Linux shows some others.
flags_are() { # FILE
	sed -n 's/^flags //p' said | tr ' \r' '\n\n' | sort -u >has
	[ "$(grep -c '^flags' said)" = 1 ] || { cat said; return 1; }
	names host.json >all; names $1 >may
	grep -vxFf may all | grep -xFf has >more
	# not flags of Linux's: what KVM offers, and what the kernel was told to leave
	grep -vxFf has may | grep -v '^kvm_\|^ht$\|^tsc_deadline_timer$\|^arat$\|^sgx\|^cpuid-\|^pdcm$\|^dts$\|^xtpr$\|^fdp_excptn_only$\|^zero_fcs_fds$' >missing
	[ ! -s more ] || { echo "more: $(tr '\n' ' ' <more)"; return 1; }
	[ ! -s missing ] || { echo "missing: $(tr '\n' ' ' <missing)"; return 1; }
}
./vhctl cpu show -j --device $device >host.json 2>said || cat said
check "what VMs can have here" cpu show --device $device
cat said
check "is a list" says "^features .* fpu .*"
check "and a file" [ "$(names host.json | wc -l)" -gt 40 ]
check "a host has all that it has" cpu check --device $device host host.json v2
for model in v2 v3; do ./vhctl cpu show -j $model >$model.json; done
check "no such model" sh -c "! ./vhctl cpu show nonesuch 2>said && grep -q 'want host, v2' said"
check "no host" refused "none" --cpu none
check "a processor that is not described as one" refused "is no model of a processor" --cpu /etc/passwd

check "a guest without a model" vm --cpus 2
check "has two vCPUs" says "^cpus 2"
check "sees what there is" flags_are host.json
check "v2" vm --cpus 2 --cpu v2
check "a guest sees that and no more" flags_are v2.json
check "on a processor of that name" says "^model Virtual CPU (v2)"
check "with a clock" says "^clock kvm-clock"
if ./vhctl cpu check --device $device v3 >said 2>&1; then
	check "v3" vm --cpus 2 --cpu v3
	check "a guest sees that and no more" flags_are v3.json
	check "its vectors are there" says "^flags.* avx2"
	check "those of v4 are not" sh -c '! grep "^flags.*avx512" said'
else
	check "v3 is refused, and what is missing told" refused "v3: this host lacks .*avx2" --cpu v3
fi
sed 's/"features":\[/"features":["avx512_fp16","cpuid-7-0-ecx-21",/' host.json >more.json
check "what there is not is refused" refused "host: this host lacks .*avx512_fp16" --cpu ./more.json
check "by its bit" says "cpuid-7-0-ecx-21"
check "cpu check says so, too" sh -c "! ./vhctl cpu check --device $device more.json >said 2>&1 && grep -q avx512_fp16 said"

# what two hosts have in common: this one, and one that lacks some, with a slower TSC and shorter addresses
khz=$(sed -n 's/.*"tsc-khz":\([0-9]*\).*/\1/p' host.json)
check "the TSC's frequency is known" [ -n "$khz" ]
sed 's/"aes",//; s/"pclmulqdq",//; s/"address-width":[0-9]*/"address-width":36/' host.json >other.json
check "a baseline" sh -c './vhctl cpu baseline host.json other.json >pretty.json'
tr -d ' \n' <pretty.json >common.json
check "runs here" cpu check --device $device common.json
check "a VM of it" vm --cpus 2 --cpu ./common.json
check "lacks what one of them lacks" flags_are other.json
check "and its addresses are as short" says "^sizes 36 bits physical"
sed "s/\"tsc-khz\":$khz/\"tsc-khz\":$((khz / 2))/" host.json >slow.json
if ./vhctl cpu check --device $device slow.json >said 2>&1; then
	check "another frequency" vm --cpu ./slow.json --cmdline "$cmdline"
	check "is a VM's" says "^clock kvm-clock"
else
	check "another frequency is refused" says "$((khz / 2)) kHz, and $khz here"
fi
if [ $device = /dev/vh ]; then
	printf 'cpu = v2\nkernel = vmlinux\ninitrd = initrd\nmemory = 192M\ncpus = 1,max=2\ncmdline = %s\n' "$cmdline" >vm.conf
	check "in a description" ./vhctl config check ./vm.conf
	$run --config vm.conf --name late </dev/null >said 2>&1 & pid=$!
	n=0; until ./vhctl cpus late 2 >/dev/null 2>&1 || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done
	check "one that comes later" wait $pid
	check "is there" says "^cpus 2"
	check "and sees no more" flags_are v2.json
	rmmod vh || exit 1
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
