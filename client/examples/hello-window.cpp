// SPDX-License-Identifier: MIT
/*
 * hello-window, in C++: write a message into device memory.
 *
 *	hello-window [REGION[+OFFSET][/LENGTH] [MESSAGE]]
 *
 * What hello-window.c does, with <mmiod/mmiod.hpp>: what goes wrong is an exception with the daemon's
 * sentence, and mapping, lease and connection end with their objects.
 *
 * Build: c++ -std=c++17 hello-window.cpp $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

void greet(mmiod::mapping &window, const std::string &message)
{
	std::vector<char> readback(message.size() + 1);

	if (readback.size() > window.size())
		throw std::length_error("the message is too long");
	/*
	 * As the window demands, by whole lines or register by register; of write-combining memory it
	 * has left the processor afterwards, and reading back proves arrival.
	 */
	window.write_block(0, message.c_str(), readback.size());
	window.read_block(0, readback.data(), readback.size());
	if (readback.data() != message)
		throw std::runtime_error("what was read back is not what was written");
	std::cout << "wrote \"" << readback.data() << "\"\n";
}

void hello(const std::string &target, const std::string &message)
{
	mmiod::client client;
	mmiod::lease lease = client.lease(target, mmiod::rw);

	std::cout << "lease " << lease.id() << ": " << lease.length() << " bytes of " << target
		  << '\n';
	mmiod::mapping window = lease.map();
	greet(window, message);
}

} // namespace

int main(int argc, char **argv)
{
	try {
		hello(argc > 1 ? argv[1] : "shm+0x1000/4K",
		      argc > 2 ? argv[2] : "hello from an unprivileged process");
		return 0;
	} catch (const std::exception &error) {
		std::cerr << "hello-window: " << error.what() << '\n';
		return 1;
	}
}
